"""Rows of Vindi's lists as they came: what can be said of one though it cannot be read."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from shared.vindi.bulk import Found
from shared.vindi.client import Read, Unreadable
from shared.vindi.errors import UnreadableBillError
from shared.vindi.payloads import id_in as id_said
from shared.vindi.payloads import read_instant

T = TypeVar("T")
Row = Read[T] | Unreadable
Fits = Callable[[Mapping[str, Any]], bool]

# How far a value read as UTC and one read as Brasília lie apart (vindi-api, section 3.3).
ZONE_DOUBT: Final = timedelta(hours=3)


def rows_of(found: Iterable[Found[T]]) -> list[Row[T]]:
    """The records that came, readable or not."""
    return [row for row in found if isinstance(row, Read | Unreadable)]


def since(field_name: str, bound: datetime) -> Fits:
    """Rows whose time is not before `bound`, however Vindi read the zone of the query.

    A row whose time cannot be read may be one of them: it must not make the list look unfiltered.
    """
    earliest = bound.replace(microsecond=0) - ZONE_DOUBT

    def fits(raw: Mapping[str, Any]) -> bool:
        at = instant_of(raw, field_name)
        return at is None or at >= earliest

    return fits


def instant_of(raw: Mapping[str, Any], field_name: str) -> datetime | None:
    """A time of a raw row; None when there is none that can be read."""
    try:
        return read_instant(raw.get(field_name))
    except (ValueError, UnreadableBillError):
        return None


def id_of(row: Row[Any]) -> int | None:
    """The id of a row, even when the rest of it cannot be read."""
    return id_said(row.raw)


def id_in(row: Row[Any], part: str) -> int | None:
    """The id of what a row belongs to, even when the rest of it cannot be read."""
    return id_said(row.raw, part)
