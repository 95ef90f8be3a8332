import django.db.models.deletion
import django.utils.timezone
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('registry', '0001_initial'),
        ('trust', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalPairing',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('uid', models.UUIDField(db_index=True, default=uuid.uuid4, editable=False, verbose_name='标识')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='版本')),
                ('starts_on', models.DateField(verbose_name='开始日期')),
                ('ends_on', models.DateField(blank=True, null=True, verbose_name='结束日期')),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='登记时间')),
                ('cancelled_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='作废时间')),
                ('cancel_reason', models.CharField(blank=True, editable=False, max_length=200, verbose_name='作废原因')),
                ('helper_name', models.CharField(blank=True, max_length=60, verbose_name='校外帮扶人')),
                ('kind', models.CharField(choices=[('primary', '包保'), ('proxy', '代理家长'), ('helper', '志愿帮扶'), ('peer', '手拉手')], default='primary', max_length=8, verbose_name='类别')),
                ('end_reason', models.CharField(blank=True, choices=[('staff_left', '教师调离或离职'), ('staff_duties', '教师工作调整'), ('child_left', '孩子转学、毕业'), ('off_list', '孩子移出名单'), ('wish', '孩子或家长希望换人'), ('quota', '名额调整'), ('other', '其他')], max_length=12, verbose_name='结束原因')),
                ('end_note', models.CharField(blank=True, max_length=200, verbose_name='说明')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='备注')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('cancelled_by', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('child', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registry.child', verbose_name='儿童')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recorded_by', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('staff', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registry.staff', verbose_name='教师')),
            ],
            options={
                'verbose_name': 'historical 结对包保',
                'verbose_name_plural': 'historical 结对包保',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='ClassCover',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('starts_on', models.DateField(verbose_name='开始日期')),
                ('ends_on', models.DateField(blank=True, null=True, verbose_name='结束日期')),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='登记时间')),
                ('cancelled_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='作废时间')),
                ('cancel_reason', models.CharField(blank=True, editable=False, max_length=200, verbose_name='作废原因')),
                ('cancelled_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recorded_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('school_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='covers', to='registry.schoolclass', verbose_name='班级')),
                ('staff', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='class_covers', to='registry.staff', verbose_name='领导小组成员')),
            ],
            options={
                'verbose_name': '包班',
                'verbose_name_plural': '包班',
                'ordering': ['starts_on', 'pk'],
                'abstract': False,
                'indexes': [models.Index(fields=['school_class', 'starts_on'], name='cover_of_class')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='pairing_classcover_ends_after_start', violation_error_message='结束日期不能早于开始日期')],
            },
        ),
        migrations.CreateModel(
            name='Pairing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='版本')),
                ('starts_on', models.DateField(verbose_name='开始日期')),
                ('ends_on', models.DateField(blank=True, null=True, verbose_name='结束日期')),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='登记时间')),
                ('cancelled_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='作废时间')),
                ('cancel_reason', models.CharField(blank=True, editable=False, max_length=200, verbose_name='作废原因')),
                ('helper_name', models.CharField(blank=True, max_length=60, verbose_name='校外帮扶人')),
                ('kind', models.CharField(choices=[('primary', '包保'), ('proxy', '代理家长'), ('helper', '志愿帮扶'), ('peer', '手拉手')], default='primary', max_length=8, verbose_name='类别')),
                ('end_reason', models.CharField(blank=True, choices=[('staff_left', '教师调离或离职'), ('staff_duties', '教师工作调整'), ('child_left', '孩子转学、毕业'), ('off_list', '孩子移出名单'), ('wish', '孩子或家长希望换人'), ('quota', '名额调整'), ('other', '其他')], max_length=12, verbose_name='结束原因')),
                ('end_note', models.CharField(blank=True, max_length=200, verbose_name='说明')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='备注')),
                ('cancelled_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('child', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pairings', to='registry.child', verbose_name='儿童')),
                ('recorded_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('staff', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pairings', to='registry.staff', verbose_name='教师')),
            ],
            options={
                'verbose_name': '结对包保',
                'verbose_name_plural': '结对包保',
                'ordering': ['starts_on', 'pk'],
                'abstract': False,
                'indexes': [models.Index(fields=['child', 'kind', 'starts_on'], name='pairing_of_child'), models.Index(fields=['staff', 'kind', 'starts_on'], name='pairing_of_staff')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='pairing_pairing_ends_after_start', violation_error_message='结束日期不能早于开始日期'), models.UniqueConstraint(condition=models.Q(('cancelled_at', None), ('ends_on', None), ('kind', 'primary')), fields=('child',), name='one_open_primary_pairing', violation_error_message='这个孩子已有包保教师，请先结束原来的包保'), models.CheckConstraint(condition=models.Q(models.Q(('end_reason', ''), ('ends_on', None)), models.Q(('ends_on__isnull', False), models.Q(('end_reason', ''), _negated=True)), _connector='OR'), name='pairing_end_has_a_reason', violation_error_message='结束包保要写原因'), models.CheckConstraint(condition=models.Q(models.Q(('helper_name', ''), ('staff__isnull', False)), models.Q(('staff', None), models.Q(('helper_name', ''), _negated=True)), _connector='OR'), name='pairing_has_one_adult', violation_error_message='教师和校外帮扶人填一个'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'primary'), _negated=True), ('staff__isnull', False), _connector='OR'), name='primary_pairing_is_with_staff', violation_error_message='包保教师要从教职工里选')],
            },
        ),
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='版本')),
                ('post_kind', models.CharField(blank=True, choices=[('class_teacher', '班主任'), ('subject_teacher', '科任教师'), ('duty_teacher', '值守教师'), ('teacher', '教职工'), ('grade_head', '年级组长'), ('leader', '组长（校长）'), ('deputy', '副组长'), ('group_office', '领导小组办公室'), ('group_member', '领导小组成员'), ('center_manager', '之家管理员'), ('counselor', '心理教师'), ('archivist', '档案管理员'), ('district_officer', '中心校（学区）'), ('county_officer', '县教育局'), ('womens_federation', '县妇联'), ('inspector', '考核员'), ('administrator', '管理员')], max_length=20, verbose_name='岗位')),
                ('minimum', models.PositiveSmallIntegerField(default=1, verbose_name='至少')),
                ('maximum', models.PositiveSmallIntegerField(default=2, verbose_name='至多')),
                ('school', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='quotas', to='registry.school', verbose_name='学校')),
                ('staff', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='quotas', to='registry.staff', verbose_name='教职工')),
            ],
            options={
                'verbose_name': '包保名额',
                'verbose_name_plural': '包保名额',
                'constraints': [models.CheckConstraint(condition=models.Q(('maximum__gte', models.F('minimum'))), name='quota_maximum_not_below_minimum', violation_error_message='至多不能少于至少'), models.UniqueConstraint(condition=models.Q(('staff', None)), fields=('school', 'post_kind'), name='one_quota_per_post_kind', violation_error_message='这个岗位的名额已经定过'), models.UniqueConstraint(condition=models.Q(('staff__isnull', False)), fields=('school', 'staff'), name='one_quota_per_person', violation_error_message='这位教师的名额已经定过')],
            },
        ),
    ]
