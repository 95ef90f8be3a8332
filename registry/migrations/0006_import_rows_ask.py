from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("registry", "0005_import_columns"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrow",
            name="asks",
            field=models.BooleanField(default=False),
        ),
    ]
