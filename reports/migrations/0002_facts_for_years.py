import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0003_facts_for_years'),
        ('reports', '0001_initial'),
        ('trust', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='FamilyLetter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('count', models.PositiveSmallIntegerField(verbose_name='份数')),
                ('issued_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='印发时间')),
                ('submission', models.UUIDField(editable=False, unique=True, verbose_name='提交编号')),
                ('issued_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('school_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='family_letters', to='registry.schoolclass', verbose_name='班级')),
            ],
            options={
                'verbose_name': '致家长的一封信',
                'verbose_name_plural': '致家长的一封信',
                'ordering': ['-issued_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='CardIssue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='标识')),
                ('issued_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='印发时间')),
                ('holders', models.JSONField(default=list, verbose_name='持卡人')),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('child', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='card_issues', to='registry.child', verbose_name='儿童')),
                ('issued_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': '联系卡印发',
                'verbose_name_plural': '联系卡印发',
                'ordering': ['-issued_at', '-pk'],
                'indexes': [models.Index(fields=['child', 'issued_at'], name='card_issue_of_child')],
            },
        ),
    ]
