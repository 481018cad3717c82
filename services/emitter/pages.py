"""Fills pages where an account's requests are short: fewer reads for the same sales (design D4).

A list of Vindi holds fifty records, whether fifty are asked for or one. So on an account that is
much used, sales that were just heard of wait for others, a second at most; what is due for another
reason (a nota to be followed, a date that came) neither waits nor counts as a part of their page.
And no more sales are claimed than the account's budget can read, since those that cannot be read
would be given back.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.db.outbox.due_read import DueToRead
from shared.vindi.budget import Headroom

PAGE: Final = 50
LINGER: Final = timedelta(seconds=1)
REQUESTS_A_PAGE: Final = 2  # its bills, and their customers


class Claim(Struct, frozen=True, kw_only=True):
    """Claim so many at most; `unread` ones only if their bills can be read."""

    most: int
    unread: bool = True
    page: bool = False  # called off where another worker has taken what would have filled it


class Linger(Struct, frozen=True, kw_only=True):
    """More may come to fill the page; what need not wait for it is claimed meanwhile."""

    how_long: timedelta
    meanwhile: Claim | None = None


def worth_claiming(share: int, room: Headroom | None, due: DueToRead) -> Claim | Linger:
    """Say what to claim on an account that is pressed."""
    others = Claim(most=min(share, due.others), unread=False) if due.others else None
    if too_few(due):
        return Linger(how_long=LINGER - due.to_read_for, meanwhile=others)
    # What is more than whole pages waits for its own: a page with five costs as much as a full one.
    whole = max(1, due.to_read // PAGE) * PAGE
    if room is None:
        return Claim(most=min(share, whole + due.others), page=True)
    pages = room.requests // REQUESTS_A_PAGE
    if pages == 0:
        return Claim(most=share, unread=False)
    return Claim(most=min(share, min(whole, pages * PAGE) + due.others), page=True)


def too_few(due: DueToRead) -> bool:
    """Whether what has to be read is less than a page, and has not waited for the rest of it."""
    return 0 < due.to_read < PAGE and due.to_read_for < LINGER
