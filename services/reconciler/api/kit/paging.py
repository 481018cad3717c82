"""Lists a page at a time: which part is asked for, and where the next one begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from services.reconciler.api.kit.operation import Strict
from services.reconciler.api.kit.problem import Problem, invalid
from services.reconciler.api.kit.words import Cursor, Limit, plain_number

T = TypeVar("T")
MOST: Final = 2**63 - 1


class Paging(Strict):
    """Which part of a list."""

    limit: Limit = 50
    cursor: Cursor | None = None

    @property
    def rows(self) -> int:
        """How many to read: one more than is shown says whether there is more."""
        return self.limit + 1


def cut(
    found: Sequence[T], paging: Paging, place: Callable[[T], tuple[str, ...]]
) -> tuple[Sequence[T], str | None]:
    """What is shown of `paging.rows` rows, and the cursor behind it, if there is more.

    `place` gives the parts of the cursor that stands behind a row.
    """
    shown = found[: paging.limit]
    more = len(found) > paging.limit
    return shown, write_cursor(*place(shown[-1])) if more else None


def write_cursor(*parts: str) -> str:
    """Where a list goes on, as one opaque word."""
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, count: int) -> list[str]:
    """The parts of a cursor we gave; a Problem 422 for anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("|")
    except (binascii.Error, ValueError) as error:
        raise bad_cursor() from error
    if len(parts) != count or any("\0" in part for part in parts):
        raise bad_cursor()
    return parts


def read_number_cursor(cursor: str | None, most: int = MOST) -> int | None:
    """A cursor of one positive number, not above `most`; None stays None."""
    if cursor is None:
        return None
    number = plain_number(read_cursor(cursor, 1)[0], most)
    if number is None:
        raise bad_cursor()
    return number


def read_instant_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """A cursor of an instant and an id; None stays None."""
    if cursor is None:
        return None
    at, text = read_cursor(cursor, 2)
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise bad_cursor() from error
    if instant.tzinfo is None or not 2000 <= instant.year <= 9000:
        raise bad_cursor()
    return instant, text


def bad_cursor() -> Problem:
    """A cursor that no list of ours gave."""
    return invalid("cursor", "not a cursor of this list")
