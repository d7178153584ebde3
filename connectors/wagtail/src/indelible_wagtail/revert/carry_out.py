"""Carrying an order out: all of it, once, or nothing."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, router, transaction
from django.utils import timezone
from wagtail.log_actions import LogContext, log
from wagtail.models import DraftStateMixin, LockableMixin, Page, RevisionMixin

from ..conf import conf
from ..context import Origin, origin, origin_fields
from ..models import RevertOrder
from ..wagtail_hooks import TAKEN_BACK
from .order import Impossible, Order
from .subject import Subject, model_of

Answer = dict[str, Any]


def carry_out(order: Order) -> Answer:
    """Carry an order out and return the states that were found and left; a known order gets the answer it got.

    Raises `Differs` or `Impossible`, and then has changed nothing.
    """
    if order.site != conf().site:
        raise Impossible(f"the order is for the site {order.site!r}, and this is {conf().site!r}")
    model = model_of(order)
    using = router.db_for_write(RevertOrder)
    # Saves within are not told: the log tells itself of what it had taken back. Wagtail's rows arrive, without states.
    context = LogContext(user=None, generate_uuid=False)
    context.uuid = order.key
    try:
        with transaction.atomic(using=using), context, origin(Origin(origin_fields(), reverts=True)):
            # Written first: of two equal orders at once, the second waits here and then finds the first.
            kept = RevertOrder(
                key=order.key, entry_id=order.entry_id, entity_type=order.entity_type, entity_id=order.entity_id
            )
            with transaction.atomic(using=using):
                kept.save(using=using, force_insert=True)
            answer = _apply(order, Subject(model, order.entity_id))
            kept.answer = json.dumps(answer, cls=DjangoJSONEncoder)
            kept.save(using=using, update_fields=["answer"])
            return answer
    except IntegrityError:
        known = RevertOrder.objects.using(using).filter(key=order.key).first()
        if known is None:
            raise
        return json.loads(known.answer)
    except ValidationError as error:
        raise Impossible("; ".join(_sentences(error))) from error
    except PermissionDenied as error:
        raise Impossible(str(error) or "Wagtail does not permit it") from error


def _sentences(error: ValidationError) -> list[str]:
    if hasattr(error, "error_dict"):
        return [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
    return [str(text) for text in error.messages]


def _apply(order: Order, subject: Subject) -> Answer:
    before = subject.state(order.paths)
    # A place that is set and not expected must be empty: in what is not there, all are.
    order.check(before or {})
    if before is None:
        if order.remove:
            raise Impossible("it is not there any more")
        made = _make_again(order, subject)
    else:
        subject.check_lock(order)
        made = _change(order, subject)
    after = Subject(subject.model, str(made.pk)).state(order.paths)
    return {"before": before, "after": after}


def _change(order: Order, subject: Subject) -> Any:
    row, changed = subject.row, subject.changed(order)
    # What was live without a draft beside it is live again afterwards; what had a draft stays a draft.
    was_clean = isinstance(row, DraftStateMixin) and row.live and not row.has_unpublished_changes
    if changed is not None:
        _save(changed, order, publish=was_clean)
    row = type(row)._base_manager.get(pk=row.pk)
    for name, change in (("parent", _move), ("locked", _lock), ("live", _publish)):
        if f"/{name}" in order.set:
            change(row, order.set[f"/{name}"])
            row = type(row)._base_manager.get(pk=row.pk)
    return row


def _save(changed: Any, order: Order, *, publish: bool) -> None:
    if isinstance(changed, RevisionMixin):
        changed.full_clean()
        revision = changed.save_revision(user=None, log_action=False, clean=False)
        _log(changed, order, revision=revision, content_changed=True)
        if publish:
            revision.publish(user=None, skip_permission_checks=True)
        elif not isinstance(changed, DraftStateMixin):
            changed.save()
        return
    changed.full_clean()
    changed.save()
    _log(changed, order, content_changed=True)


def _log(instance: Any, order: Order, **more: Any) -> None:
    data = {"reverts": str(order.entry_id), "requested_by": order.requested_by, "reason": order.reason}
    log(instance=instance, action=TAKEN_BACK, data=data, **more)


def _move(row: Any, parent_pk: Any) -> None:
    parent = Page.objects.filter(pk=parent_pk).first() if isinstance(parent_pk, int) else None
    if not isinstance(row, Page) or parent is None:
        raise Impossible("the page that it was under is not there any more")
    if parent.specific.is_descendant_of(row) or not row.specific.can_move_to(parent.specific):
        raise Impossible(f"it may not be moved under {parent.title!r}")
    row.specific.move(parent.specific, pos="last-child", user=None)


def _lock(row: Any, locked: Any) -> None:
    if not isinstance(row, LockableMixin) or not isinstance(locked, bool):
        raise Impossible("it cannot be locked")
    row.locked, row.locked_by, row.locked_at = locked, None, timezone.now() if locked else None
    row.save(update_fields=["locked", "locked_by", "locked_at"])
    log(instance=row, action="wagtail.lock" if locked else "wagtail.unlock")


def _publish(row: Any, live: Any) -> None:
    if not isinstance(row, DraftStateMixin) or not isinstance(live, bool):
        raise Impossible("it cannot be published")
    if not live:
        if row.live:
            row.unpublish(user=None)
    elif not row.live:
        revision = row.get_latest_revision() or row.save_revision(user=None)
        revision.publish(user=None, skip_permission_checks=True)


def _make_again(order: Order, subject: Subject) -> Any:
    """Bring back what was deleted, under its old key, as a draft unless it was live."""
    made = subject.new(order)
    if isinstance(made, Page):
        parent = Page.objects.filter(pk=order.set.get("/parent")).first()
        if parent is None:
            raise Impossible("the page that it was under is not there any more")
        parent.specific.add_child(instance=made)
    else:
        made.full_clean(exclude=[made._meta.pk.name])
        made.save()
    if isinstance(made, RevisionMixin):
        revision = made.save_revision(user=None, log_action=False)
        _log(made, order, revision=revision, content_changed=True)
        if order.set.get("/live") is True:
            revision.publish(user=None, skip_permission_checks=True)
    else:
        _log(made, order, content_changed=True)
    return made
