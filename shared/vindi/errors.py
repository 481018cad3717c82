"""What can go wrong with Vindi, as leaves of the tree in shared.domain.errors."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.domain.errors import RejectedError, TenantBlockedError, TransientError


class UnreadableBillError(RejectedError):
    """A body says something that no reading of it would be safe to act on."""

    def __init__(self, problem: str) -> None:
        """`problem` names the field and what is wrong with it, never its value."""
        super().__init__(f"unreadable: {problem}", code="bill_unreadable")
        self.problem = problem


class VindiKeyRefused(TenantBlockedError):
    """401 in Vindi's own words: the key is wrong, disabled or deleted."""

    def __init__(self) -> None:
        super().__init__("Vindi refused the key", code="vindi_key_refused")


class VindiAccountBlocked(TenantBlockedError):
    """402: Vindi blocked the account for its own unpaid fee; try again hourly."""

    def __init__(self) -> None:
        super().__init__("Vindi blocked the account", code="vindi_account_blocked")


class VindiProfileTooNarrow(TenantBlockedError):
    """403 in Vindi's own words: the key's profile forbids a read; `resource` says which."""

    def __init__(self, resource: str) -> None:
        super().__init__(
            f"the key's profile forbids reading {resource}", code="vindi_profile_too_narrow"
        )
        self.resource = resource


class VindiBusy(TransientError):
    """The account's requests are spent: Vindi said 429, or our own budget did."""

    retry_after: timedelta

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("the account's requests are spent for now", retry_after=retry_after)


class VindiUnavailable(TransientError):
    """No usable answer: connection, time-out, 5xx, HTML. `why` is a constant word."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no usable answer from Vindi: {why}")
        self.why = why


class VindiNoTotal(VindiUnavailable):
    """A list that does not say how many it has, where nothing else was asked: it never will."""

    def __init__(self) -> None:
        super().__init__("no total")


class VindiPagesRepeat(VindiUnavailable):
    """A list without `Total` whose full pages repeat: what comes after them cannot be read."""

    def __init__(self) -> None:
        super().__init__("pages repeat")


class VindiRequestRefused(RejectedError):
    """Another 4xx: Vindi does not take what we asked (400, 406, 422).

    `answer` is its body: to be kept sealed, never to be shown.
    """

    def __init__(self, status: int, resource: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"Vindi answered {status} for {resource}", code="vindi_request_refused")
        self.status = status
        self.answer = dict(answer or {})
