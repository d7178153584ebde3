"""HTTP around orders."""

from __future__ import annotations

import logging
import time

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ..conf import conf
from .carry_out import carry_out
from .order import Differs, Impossible, Order
from .signature import is_signed

logger = logging.getLogger("indelible_wagtail")

# Three states of the size of an entry.
_BODY_BYTES_MAX = 3 * 1024 * 1024
_WHY_CHARS_MAX = 300


@csrf_exempt
@require_POST
def revert(request: HttpRequest) -> JsonResponse:
    """Take an order. Whoever sends it proves with its signature that it is the log; there is no other way in."""
    secret = conf().revert_secret
    if not secret:
        return JsonResponse({"why": "INDELIBLE['REVERT_SECRET'] is not set on this site"}, status=503)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > _BODY_BYTES_MAX:
        return JsonResponse({"why": "the order is too large"}, status=413)
    body = request.read(_BODY_BYTES_MAX + 1)
    if not is_signed(secret, request.headers.get("Indelible-Signature", ""), body, time.time()):
        return JsonResponse({"why": "the signature is missing, wrong or older than 5 minutes"}, status=401)
    try:
        answer = carry_out(Order.read(body))
    except Differs as differs:
        return JsonResponse({"current": differs.current}, status=409)
    except Impossible as impossible:
        logger.info("an order was not carried out: %s", impossible)
        return JsonResponse({"why": str(impossible)[:_WHY_CHARS_MAX]}, status=422)
    return JsonResponse(answer)
