"""Ids that come out the same whenever the same row is read again.

They are those of ``indelible import --format wagtail``: version 5 UUIDs of the log model and the primary key, in a namespace
that follows from the site. A row that was imported from a file and a row that this package sends are one entry.
"""

from __future__ import annotations

import functools
import uuid

# The importer's own; another value would double every row that was ever imported.
_ROOT = uuid.UUID("6f1d2c5e-93b4-5a7f-8e02-41d7c9a0b35c")


@functools.lru_cache(maxsize=64)
def namespace_of_site(site: str) -> uuid.UUID:
    """Return the namespace of all Wagtail rows of a site."""
    return uuid.uuid5(_ROOT, f"wagtail:{site}")


def of_row(namespace: uuid.UUID, log_model: str, pk: object) -> uuid.UUID:
    """Return the id of the entry of a row, such as ``wagtailcore.PageLogEntry:17``."""
    return uuid.uuid5(namespace, f"{log_model}:{pk}")


def of_row_again(namespace: uuid.UUID, log_model: str, pk: object, row_hash: str) -> uuid.UUID:
    """Return the id of a row whose key was used before for another one, as after a database was put back."""
    return uuid.uuid5(namespace, f"{log_model}:{pk}@{row_hash}")


def of_finding(namespace: uuid.UUID, log_model: str, pk: object, finding: str) -> uuid.UUID:
    """Return the id of what was noticed about a row: that it was altered to this hash, or deleted."""
    return uuid.uuid5(namespace, f"{log_model}:{pk}!{finding}")
