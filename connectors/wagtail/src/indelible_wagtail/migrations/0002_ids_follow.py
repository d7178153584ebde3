from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("indelible_wagtail", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="outboxrow",
            name="entry_id",
            field=models.UUIDField(blank=True, null=True),
        ),
    ]
