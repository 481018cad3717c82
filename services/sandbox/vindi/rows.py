"""Finding rows, and what every new one needs."""

from typing import Any

from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Json
from services.sandbox.vindi.times import read_instant

Instant = str | float
Amount = str | float


class OperationRefusedError(Exception):
    """The account's state does not allow it, or something named does not exist."""


def find_row(account: Account, kind: str, row_id: int) -> Any:
    """Find a row; raises OperationRefusedError."""
    try:
        return account.table(kind).rows[row_id]
    except KeyError:
        raise OperationRefusedError(f"no {kind} {row_id}") from None


def new_row(account: Account, kind: str, row_id: int | None, at: Instant | None) -> Json:
    """Give the fields every new row needs."""
    created = account.now_ms() if at is None else read_instant(at)
    number = account.next_id(kind) if row_id is None else row_id
    return {"id": number, "created_ms": created, "updated_ms": created}
