"""From when on the sales of an account of Vindi are a tenant's to issue (design D8). Pure.

The activation draws the line for the account that is connected then. One that comes later has its
own, where it was connected first: whoever issued for it before issued what came before.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

AccountName = str  # merchant and environment


class AccountLines(Struct, frozen=True, kw_only=True):
    """The line of the account connected now, and those of the accounts before it.

    None: as the tenant's activation says.
    """

    line_from: datetime | None = None
    before: Mapping[AccountName, datetime | None] = field(default_factory=dict)


def going_on(
    lines: AccountLines, left: AccountName, taken: AccountName, now: datetime
) -> AccountLines:
    """The lines once a tenant went from one account to another; one that was left comes back."""
    if left == taken:
        return lines
    before = {**lines.before, left: lines.line_from}
    return AccountLines(line_from=before.pop(taken, now), before=before)
