"""What somebody searched for, as a parameter that tells nobody else: sealed, and of one tenant.

Names and documents of customers stand in no address of ours, so in no history and no log.
"""

import base64
import binascii
from typing import Final

from shared.crypto.seal import Sealer, UnsealError
from shared.domain.ids import TenantId

_PURPOSE: Final = "panel_search"
MOST: Final = 200
_LONGEST: Final = 1500


def seal_words(sealer: Sealer, tenant: TenantId, words: str, *, most: int = MOST) -> str:
    """Words as a parameter of an address; nothing for none."""
    words = words.strip()[:most]
    if not words:
        return ""
    sealed = sealer.seal(words.encode(), tenant=tenant, purpose=_PURPOSE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def open_words(sealer: Sealer, tenant: TenantId, given: str) -> str:
    """The words again; nothing for what we did not seal for this tenant."""
    try:
        return sealer.unseal(_sealed(given), tenant=tenant, purpose=_PURPOSE).decode()
    except (binascii.Error, UnsealError, ValueError):
        return ""


def reseal_words(sealer: Sealer, tenant: TenantId, given: str) -> str:
    """The same words under the first key; as it was given what is so already, or not ours."""
    words = open_words(sealer, tenant, given)
    if not words or sealer.is_current(_sealed(given), in_row=False):
        return given
    return seal_words(sealer, tenant, words, most=len(words))


def _sealed(given: str) -> bytes:
    if not given or len(given) > _LONGEST:
        raise ValueError("not sealed words")
    return base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
