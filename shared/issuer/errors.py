"""What can go wrong with an issuer, as leaves of the tree in shared.domain.errors.

The answer lost to a write is returned as `Unknown`, so that no caller can miss it.
"""

from datetime import timedelta
from typing import Final

from shared.domain.errors import TenantBlockedError, TransientError

# Somebody else answers where the issuer should: a portal, a proxy, a parked address.
NOT_THEIRS: Final = "not the issuer's own answer"
# It answered what was asked of one nota, and nothing of that nota: that nota's trouble, no outage.
ANOTHER_NOTA: Final = "answered for another nota"
NO_NOTA: Final = "answered without a nota"
NO_ID: Final = "taken without naming a nota"
OF_ONE_NOTA: Final = frozenset({ANOTHER_NOTA, NO_NOTA, NO_ID})


class IssuerKeyRefused(TenantBlockedError):
    """401: the key is missing, wrong or revoked."""

    def __init__(self) -> None:
        super().__init__("the issuer refused the key", code="issuer_key_refused")


class IssuerForbidden(TenantBlockedError):
    """403: a valid key without a right to the company."""

    def __init__(self) -> None:
        super().__init__("the key has no right to the company", code="issuer_forbidden")


class IssuerCompanyUnknown(TenantBlockedError):
    """404 where only the company can be missing: its id is wrong or it is disabled."""

    def __init__(self) -> None:
        super().__init__("the issuer knows no such company", code="issuer_company_unknown")


class IssuerBusy(TransientError):
    """Not now: 429, or our own limit for the key. Nothing was done."""

    retry_after: timedelta

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("the issuer takes no more requests for now", retry_after=retry_after)


class IssuerPaced(IssuerBusy):
    """Our own limit for the key has no turn soon: nothing left, so this is a wait and no doubt."""


class IssuerNotLeft(TransientError):
    """A write was not allowed to leave any more when its turn had come: nothing left."""

    def __init__(self) -> None:
        super().__init__("the request was not to leave any more")


class IssuerUnavailable(TransientError):
    """A read got no usable answer, or a write provably never left. `why` is a constant word."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no usable answer from the issuer: {why}")
        self.why = why
