"""What somebody searched for, inside an address of the panel's, where it stands sealed."""

import base64
import binascii
from typing import Final

from shared.crypto.seal import Sealer, UnsealError
from shared.domain.ids import TenantId

_PURPOSE: Final = "panel_search"  # as the panel seals it
_LONGEST: Final = 1500


def opened_search(sealer: Sealer, tenant: TenantId, given: str) -> str:
    """The words; nothing for what was not sealed for this tenant."""
    if not given or len(given) > _LONGEST:
        return ""
    try:
        sealed = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        return sealer.unseal(sealed, tenant=tenant, purpose=_PURPOSE).decode()
    except (binascii.Error, UnsealError, ValueError):
        return ""
