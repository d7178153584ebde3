"""Who acted, as they were called then. A user's row may be gone when somebody reads."""

from __future__ import annotations

from typing import Any

from .conf import conf
from .context import current_origin

# Names of groups that are kept with an actor, at most.
_ROLES_MAX = 20


def actor_of(user: Any) -> dict[str, Any]:
    """Return the entry's `actor` for a user; without one, the system."""
    if user is None or not getattr(user, "is_authenticated", True):
        return {"type": "system"}
    actor = {"type": "user", "id": str(user.pk), "name": display_name(user), "email": _email(user)}
    actor = {name: value for name, value in actor.items() if value}
    if roles := roles_of(user):
        actor["roles"] = roles
    if behind := _impersonator():
        actor_behind = {"type": "user", "id": str(behind.pk), "name": display_name(behind)}
        return {**actor_behind, "on_behalf_of": {"type": "user", "id": actor["id"], "name": actor.get("name", "")}}
    return actor


def display_name(user: Any) -> str:
    """Return the name that Wagtail's own reports show: the full name, else the user name."""
    try:
        full = user.get_full_name().strip()
    except AttributeError:
        full = ""
    return str(full or user.get_username())


def roles_of(user: Any) -> list[str]:
    """Return the names of a user's groups. They are kept on the instance, which lives as long as a request."""
    known = user.__dict__.get("_indelible_roles")
    if known is None:
        groups = getattr(user, "groups", None)
        known = list(groups.values_list("name", flat=True)[:_ROLES_MAX]) if groups is not None else []
        if getattr(user, "is_superuser", False):
            known.insert(0, "superuser")
        user.__dict__["_indelible_roles"] = known
    return known


def request_user() -> Any:
    """Return the signed-in user of the present request, if there is one."""
    origin = current_origin()
    user = getattr(origin.request, "user", None) if origin is not None else None
    return user if user is not None and user.is_authenticated else None


def _impersonator() -> Any:
    """Return who really acts while signed in as somebody else, if the site has a way to tell."""
    find, origin = conf().impersonator, current_origin()
    if find is None or origin is None or origin.request is None:
        return None
    return find(origin.request)


def _email(user: Any) -> str:
    # Asked of the instance: the user of a request is wrapped in a lazy object.
    field = getattr(user, "get_email_field_name", None)
    return str(getattr(user, field(), "") or "") if field is not None else ""
