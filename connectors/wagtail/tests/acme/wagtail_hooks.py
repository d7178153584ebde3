from wagtail import hooks
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet

from .models import Advert, Plain, Sprocket, SprocketLogEntry


class AdvertViewSet(SnippetViewSet):
    model = Advert


class PlainViewSet(SnippetViewSet):
    model = Plain


try:
    from indelible_wagtail.reports.history import IndelibleSnippetHistoryView
except ImportError:
    pass
else:
    AdvertViewSet.history_view_class = IndelibleSnippetHistoryView
    PlainViewSet.history_view_class = IndelibleSnippetHistoryView

register_snippet(AdvertViewSet)
register_snippet(PlainViewSet)


@hooks.register("register_log_actions")
def sprocket_actions(actions):
    actions.register_model(Sprocket, SprocketLogEntry)
    actions.register_action("acme.export", "Export", "Exported")
