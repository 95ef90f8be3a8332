import django.db.models.deletion
import django.utils.timezone
import trust.crypto
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('activities', '0003_history_of_openings'),
        ('registry', '0002_roster_imports'),
        ('trust', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='DropoutCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='版本')),
                ('absent_since', models.DateField(verbose_name='未到校起')),
                ('reason', trust.crypto.EncryptedTextField(blank=True, verbose_name='原因')),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='登记时间')),
                ('closed_on', models.DateField(blank=True, null=True, verbose_name='结案日期')),
                ('outcome', models.CharField(blank=True, choices=[('back', '已劝返复学'), ('transferred', '已转学就读'), ('exempt', '依法缓学、免学'), ('mistake', '登记有误')], max_length=12, verbose_name='结果')),
                ('child', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dropout_cases', to='registry.child', verbose_name='儿童')),
                ('closed_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('opened_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': '控辍保学',
                'verbose_name_plural': '控辍保学',
                'ordering': ['absent_since', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('closed_on', None)), fields=('child',), name='one_open_dropout_case', violation_error_message='这个孩子的控辍保学已经登记，还没有结束'), models.CheckConstraint(condition=models.Q(models.Q(('closed_on', None), ('outcome', '')), models.Q(('closed_on__gte', models.F('absent_since')), models.Q(('outcome', ''), _negated=True)), _connector='OR'), name='dropout_case_closed_with_outcome', violation_error_message='结案要写结果，日期不能早于未到校的日期')],
            },
        ),
        migrations.CreateModel(
            name='DropoutStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('kind', models.CharField(choices=[('persuaded', '劝返'), ('notice', '送达复学通知书'), ('reported', '书面报告乡镇、教育局'), ('other', '其他')], max_length=10, verbose_name='步骤')),
                ('day', models.DateField(verbose_name='日期')),
                ('note', trust.crypto.EncryptedTextField(blank=True, verbose_name='经过')),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='登记时间')),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='activities.dropoutcase')),
                ('recorded_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': '控辍步骤',
                'verbose_name_plural': '控辍步骤',
                'ordering': ['day', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='FollowUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='版本')),
                ('text', models.CharField(max_length=200, verbose_name='要做的事')),
                ('due_on', models.DateField(blank=True, null=True, verbose_name='期限')),
                ('done_on', models.DateField(blank=True, null=True, verbose_name='完成日期')),
                ('done_note', models.CharField(blank=True, max_length=200, verbose_name='结果')),
                ('activity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='follow_ups', to='activities.activity', verbose_name='会议')),
                ('staff', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='follow_ups', to='registry.staff', verbose_name='谁来做')),
            ],
            options={
                'verbose_name': '会议落实',
                'verbose_name_plural': '会议落实',
                'ordering': ['due_on', 'pk'],
            },
        ),
        migrations.AlterField(
            model_name='activity',
            name='kind',
            field=models.CharField(choices=[('center_activity', '之家活动'), ('class_meeting', '主题班会'), ('group_talk', '集体谈话'), ('safety_lesson', '安全教育'), ('training', '监护人培训'), ('parents_meeting', '家长会'), ('health_check', '体检'), ('group_meeting', '领导小组会议'), ('family_lecture', '家庭教育报告会'), ('other', '其他活动')], max_length=16, verbose_name='类别'),
        ),
        migrations.AlterField(
            model_name='historicalactivity',
            name='kind',
            field=models.CharField(choices=[('center_activity', '之家活动'), ('class_meeting', '主题班会'), ('group_talk', '集体谈话'), ('safety_lesson', '安全教育'), ('training', '监护人培训'), ('parents_meeting', '家长会'), ('health_check', '体检'), ('group_meeting', '领导小组会议'), ('family_lecture', '家庭教育报告会'), ('other', '其他活动')], max_length=16, verbose_name='类别'),
        ),
    ]
