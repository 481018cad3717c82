"""Forms carry a token bound to the session, or to the visit before one.

It looks different each time, so that what is compressed together with it tells nothing about it.
"""

import base64
import binascii
import hmac
import os
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

FIELD: Final = "csrf"
_BYTES: Final = 16


def token(bound_to: str) -> str:
    """A token for a form."""
    mask = os.urandom(_BYTES)
    return base64.urlsafe_b64encode(mask + _masked(_secret(bound_to), mask)).decode()


def fits(given: str, bound_to: str) -> bool:
    """Whether a form came from a page of this session or visit."""
    if not bound_to:
        return False
    try:
        raw = base64.b64decode(given, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    mask, rest = raw[:_BYTES], raw[_BYTES:]
    return len(raw) == 2 * _BYTES and hmac.compare_digest(_masked(rest, mask), _secret(bound_to))


def from_elsewhere(request: Request) -> bool:
    """Whether the browser itself says that another site sent this."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def from_here(request: Request) -> bool:
    """Whether the browser itself says that a page of ours sent this; old ones by `Origin` alone."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    try:
        origin = urlsplit(request.headers.get("Origin", "")).netloc
    except ValueError:
        return False
    return origin != "" and origin == request.headers.get("Host")


def _secret(bound_to: str) -> bytes:
    return hmac.digest(bound_to.encode(), b"notaponte form", "sha256")[:_BYTES]


def _masked(text: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(text, mask, strict=False))
