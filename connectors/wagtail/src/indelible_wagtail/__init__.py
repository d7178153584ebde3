"""Wagtail's audit log in an Indelible log: who changed what, when, provably.

The package never speaks to the network while a request is answered. What happens is written to an outbox table in the
transaction in which it happens, and a relay carries it to the log from there.

    capture/    what happens becomes rows of the outbox, in the same transaction
    delivery/   the outbox becomes entries of the log; the reconciler finds what nobody announced
    revert/     the log's orders to put a page or snippet back
    reports/    the log as Wagtail's own site history and object histories
"""

from .context import as_system, carried

__version__ = "0.1.0"

__all__ = ["__version__", "as_system", "carried"]
