"""Whether an order is the log's, and fresh."""

from __future__ import annotations

import hashlib
import hmac

# How old an order may be, either way: clocks differ.
_LIFETIME_SECONDS = 300


def is_signed(secret: str, header: str, body: bytes, now: float) -> bool:
    """Whether the header `Indelible-Signature` (`t=SECONDS,v1=HEX`) is that of the body, and not older than 5 minutes."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    time, given = parts.get("t", ""), parts.get("v1", "")
    if not secret or not (time.isascii() and time.isdigit() and len(time) < 12):  # noqa: PLR2004
        return False
    expected = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode()) and abs(now - int(time)) <= _LIFETIME_SECONDS
