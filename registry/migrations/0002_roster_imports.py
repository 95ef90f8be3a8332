import django.db.models.deletion
import django.utils.timezone
import trust.crypto
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0001_initial'),
        ('trust', '0002_audit_is_append_only'),
        ('trust', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='ImportBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('file_name', trust.crypto.EncryptedTextField(blank=True, verbose_name='文件名')),
                ('sha256', models.CharField(db_index=True, max_length=64)),
                ('as_of', models.DateField(help_text='名册说的是哪一天的情况；有变化的从这一天算起', verbose_name='名册日期')),
                ('state', models.CharField(choices=[('reading', '正在读'), ('checking', '待核对'), ('writing', '正在导入'), ('done', '已导入'), ('refused', '读不了'), ('dropped', '没有导入')], default='reading', max_length=10, verbose_name='状态')),
                ('note', models.CharField(blank=True, max_length=300, verbose_name='说明')),
                ('counts', models.JSONField(default=dict, verbose_name='行数')),
                ('new_classes', models.JSONField(default=list, verbose_name='将新建的班级')),
                ('keep_first', models.JSONField(default=list)),
                ('digest', models.CharField(blank=True, editable=False, max_length=64)),
                ('submission', models.UUIDField(blank=True, editable=False, null=True, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='上传时间')),
                ('confirmed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='导入时间')),
                ('confirmed_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('school', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='registry.school', verbose_name='学校')),
                ('upload', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='trust.upload')),
            ],
            options={
                'verbose_name': '名册导入',
                'verbose_name_plural': '名册导入',
                'ordering': ['-created_at', '-pk'],
                'indexes': [models.Index(fields=['school', 'created_at'], name='import_of_school')],
            },
        ),
        migrations.CreateModel(
            name='HeldRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('position', models.PositiveIntegerField()),
                ('sheet', models.CharField(blank=True, max_length=60)),
                ('number', models.PositiveIntegerField(verbose_name='行')),
                ('data', trust.crypto.EncryptedTextField(blank=True)),
                ('done_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='处理时间')),
                ('done_note', models.CharField(blank=True, max_length=200, verbose_name='怎么处理的')),
                ('done_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='held_rows', to='registry.importbatch')),
            ],
            options={
                'verbose_name': '待改行',
                'verbose_name_plural': '待改行',
                'ordering': ['batch', 'position'],
                'constraints': [models.UniqueConstraint(fields=('batch', 'position'), name='held_row_once'), models.CheckConstraint(condition=models.Q(models.Q(('done_at', None), ('done_note', '')), models.Q(('done_at__isnull', False), models.Q(('done_note', ''), _negated=True)), _connector='OR'), name='held_row_done_says_how', violation_error_message='请写明这一行是怎么处理的')],
            },
        ),
        migrations.CreateModel(
            name='ImportRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('position', models.PositiveIntegerField()),
                ('sheet', models.CharField(blank=True, max_length=60)),
                ('number', models.PositiveIntegerField(verbose_name='行')),
                ('status', models.CharField(choices=[('new', '新来的孩子'), ('changed', '资料有变化'), ('unchanged', '没有变化'), ('held', '先不导入'), ('ignored', '没有当作孩子')], max_length=10)),
                ('has_problems', models.BooleanField(default=False)),
                ('data', trust.crypto.EncryptedTextField(blank=True)),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='registry.importbatch')),
            ],
            options={
                'verbose_name': '导入的行',
                'verbose_name_plural': '导入的行',
                'ordering': ['position'],
                'constraints': [models.UniqueConstraint(fields=('batch', 'position'), name='import_row_once')],
                'indexes': [models.Index(fields=['batch', 'status', 'position'], name='import_row_by_status')],
            },
        ),
    ]
