"""From when on the sales of an account of Vindi are a tenant's to issue (design D8). Pure.

The activation draws the line for the account that is connected then. One that comes later has its
own, where it was connected first: whoever issued for it before issued what came before.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

AccountName = str  # merchant and environment


def account_name(merchant_id: int, environment: str) -> AccountName:
    """One account of Vindi, whichever tenant is connected to it."""
    return f"{merchant_id}:{environment}"


class Away(Struct, frozen=True, kw_only=True):
    """From when to when an account was left, and another tenant had it."""

    since: datetime
    until: datetime


class AccountLines(Struct, frozen=True, kw_only=True):
    """The line of the account connected now, and those of the accounts before it.

    None: as the tenant's activation says. `left_at` are those of before that were left since this
    is kept; `away` is of the one connected now.
    """

    line_from: datetime | None = None
    before: Mapping[AccountName, datetime | None] = field(default_factory=dict)
    left_at: Mapping[AccountName, datetime] = field(default_factory=dict)
    away: Away | None = None


def going_on(
    lines: AccountLines,
    left: AccountName,
    taken: AccountName,
    now: datetime,
    *,
    elsewhere: bool = False,
) -> AccountLines:
    """The lines once a tenant went from one account to another; one that was left comes back.

    `elsewhere`: another tenant had it meanwhile. One that was away more than once was so from the
    first time to the last.
    """
    if left == taken:
        return lines
    before = {**lines.before, left: lines.line_from}
    left_at = {**lines.left_at, left: lines.away.since if lines.away else now}
    line_from, back = before.pop(taken, now), left_at.pop(taken, None)
    away = Away(since=back, until=now) if elsewhere and back is not None else None
    return AccountLines(line_from=line_from, before=before, left_at=left_at, away=away)
