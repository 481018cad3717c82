"""What a delivery's bytes say, as far as anybody needs before the API is asked (design D3)."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from services.webhook.reencoded import read_documents
from shared.domain.external_id import LARGEST_BILL, read_external_id
from shared.domain.ids import BillId, TenantId
from shared.net.json_bytes import write_json

Flag = Literal[
    "malformed", "not_an_object", "no_event", "no_type", "unknown_type", "no_data", "no_bill_id",
    "bad_bill_id", "unmatched",
]  # fmt: skip

# vindi-api.md, section 9.5
KNOWN_TYPES: Final = frozenset(
    {
        "test", "bill_created", "bill_paid", "bill_canceled", "bill_seen", "charge_created",
        "charge_rejected", "charge_canceled", "charge_refunded", "subscription_created",
        "subscription_canceled", "subscription_reactivated", "period_created", "issue_created",
        "invoice_issued", "payment_profile_created", "message_seen",
    }
)  # fmt: skip
# These change nothing that a nota depends on, though a bill may be in them.
STORED_ONLY: Final = frozenset({"test", "bill_seen", "message_seen"})
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2101, 1, 1, tzinfo=UTC)
# Also what a text column takes for certain: no NUL, no lone surrogate.
ID: Final = re.compile(r"\s*(?P<number>[0-9]{1,19})(?:\.0{1,6})?\s*", re.ASCII)
TYPE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class Heard(Struct, frozen=True, kw_only=True):
    """What was read: `bill_id` is the sale it is about, `due` says whether to look at it now.

    `flag` says what could not be read; it never means that the delivery is refused. `others` are
    the further events of a delivery of several, of which each has its `part` of it as JSON: what is
    in it of one customer must not be kept, shown or erased with what is another's.
    """

    type: str | None = None
    bill_id: BillId | None = None
    event_at: datetime | None = None
    flag: Flag | None = None
    due: bool = False
    part: bytes | None = None
    others: tuple["Heard", ...] = ()


def read_vindi(body: bytes) -> Heard:
    """Read a Vindi event, or several of one delivery; total over all bytes."""
    return _each(_vindi, read_documents(body, holds="event"))


def read_enotas(body: bytes, tenant: TenantId) -> Heard:
    """Read an eNotas notification, or several; a bill is named only by an id of this tenant's.

    Whatever names no bill is left to the emitter, which follows every nota by itself.
    """
    return _each(partial(_enotas, tenant=tenant), read_documents(body, holds="nfeIdExterno"))


def _each(read: Callable[[Any], Heard], documents: Sequence[Any]) -> Heard:
    if len(documents) == 1:
        return read(documents[0])
    first, *others = (_part(read, one) for one in documents)
    return replace(first, others=tuple(others))


def _part(read: Callable[[Any], Heard], document: Any) -> Heard:
    heard = Heard(flag="no_event") if isinstance(document, list) else read(document)
    return replace(heard, part=write_json(document))


def _vindi(document: Any) -> Heard:
    if not isinstance(document, dict):
        return Heard(flag="malformed" if document is None else "not_an_object")
    event = document.get("event")
    if not isinstance(event, dict):
        return Heard(flag="no_event")
    kind, event_at, data = (
        _type(event.get("type")),
        _instant(event.get("created_at")),
        event.get("data"),
    )
    if not isinstance(data, dict):
        # Vindi's own test event may come without data, and means what it says all the same.
        return Heard(type=kind, event_at=event_at, flag=None if kind == "test" else "no_data")
    bill_id = _bill_id(_bill_id_inside(data))
    return Heard(
        type=kind,
        event_at=event_at,
        bill_id=bill_id,
        flag=_vindi_flag(kind, data, bill_id),
        due=bill_id is not None and kind not in STORED_ONLY,
    )


def _enotas(document: Any, tenant: TenantId) -> Heard:
    if not isinstance(document, dict):
        return Heard(flag="malformed" if document is None else "not_an_object")
    named = read_external_id(document.get("nfeIdExterno"))
    bill_id = named.bill if named is not None and named.tenant == tenant else None
    return Heard(
        type=_type(document.get("nfeStatus")),
        bill_id=bill_id,
        flag="unmatched" if bill_id is None else None,
        due=bill_id is not None,
    )


def _vindi_flag(kind: str | None, data: Mapping[str, Any], bill_id: BillId | None) -> Flag | None:
    if kind is None:
        return "no_type"
    if bill_id is None and _bill_id_inside(data) is not None:
        return "bad_bill_id"
    if kind not in KNOWN_TYPES:
        return "unknown_type"
    if bill_id is None and kind.startswith(("bill_", "charge_")):
        return "no_bill_id"
    return None


def _bill_id_inside(data: Mapping[str, Any]) -> object:
    """The `id` of `data.bill`, else of the bill inside whatever else is there, such as a charge."""
    for thing in (data, *data.values()):
        bill = thing.get("bill") if isinstance(thing, dict) else None
        if isinstance(bill, dict):
            return bill.get("id")
    return None


def _bill_id(value: object) -> BillId | None:
    """A middleman may write ids as text, or with a fraction of nothing, or both."""
    if isinstance(value, str) and (written := ID.fullmatch(value)):
        value = int(written["number"])
    elif isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return BillId(value) if 0 < value <= LARGEST_BILL else None


def _type(value: object) -> str | None:
    return value if isinstance(value, str) and TYPE.fullmatch(value) else None


def _instant(value: object) -> datetime | None:
    """An aware instant in UTC; None for anything else, also for what lies outside of time."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        at = None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at is not None and EARLIEST <= at < LATEST else None
