"""Pages, snippets and a log model of its own, as in the captured entries."""

from django.db import models
from modelcluster.fields import ParentalKey
from modelcluster.models import ClusterableModel
from wagtail import blocks
from wagtail.admin.panels import FieldPanel, InlinePanel, PublishingPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting
from wagtail.fields import RichTextField, StreamField
from wagtail.models import (
    BaseLogEntry,
    DraftStateMixin,
    LockableMixin,
    Orderable,
    Page,
    PreviewableMixin,
    RevisionMixin,
    WorkflowMixin,
)
from wagtail.models.audit_log import BaseLogEntryManager


class StandardPage(Page):
    body = RichTextField(blank=True)
    cards = StreamField([("card", blocks.CharBlock())], blank=True, use_json_field=True)

    content_panels = [*Page.content_panels, FieldPanel("body"), FieldPanel("cards"), InlinePanel("links")]


class StandardPageLink(Orderable):
    page = ParentalKey(StandardPage, related_name="links", on_delete=models.CASCADE)
    url = models.CharField(max_length=200)

    panels = [FieldPanel("url")]


class Advert(WorkflowMixin, DraftStateMixin, LockableMixin, RevisionMixin, PreviewableMixin, ClusterableModel):
    text = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=6, decimal_places=2, default=0)

    panels = [FieldPanel("text"), FieldPanel("price"), PublishingPanel()]

    def __str__(self):
        return self.text


class Plain(models.Model):
    name = models.CharField(max_length=100)
    api_key = models.CharField(max_length=100, blank=True)

    panels = [FieldPanel("name"), FieldPanel("api_key")]

    def __str__(self):
        return self.name


class Sprocket(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self):
        return self.name


class SprocketLogManager(BaseLogEntryManager):
    def log_action(self, instance, action, **kwargs):
        return super().log_action(instance, action, sprocket=instance, **kwargs)

    def for_instance(self, instance):
        return self.filter(sprocket=instance)


class SprocketLogEntry(BaseLogEntry):
    sprocket = models.ForeignKey(Sprocket, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    batch = models.CharField(max_length=10, blank=True)

    objects = SprocketLogManager()

    class Meta(BaseLogEntry.Meta):
        indexes = []

    def object_id(self):
        return self.sprocket_id


@register_setting
class Contact(BaseGenericSetting):
    phone = models.CharField(max_length=50, blank=True)
