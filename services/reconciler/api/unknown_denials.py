"""Texts of refusals that nobody knows yet, of all tenants, for whoever lets the catalogue grow."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, Field

from services.reconciler.api.kit.operation import Answer, AnyOperation, Call, NoBody, Operation
from services.reconciler.api.kit.paging import Paging, bad_cursor, cut, read_cursor
from services.reconciler.api.kit.words import Day, Instant, plain_number
from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.db.sales import unknown_denials_store
from shared.db.sales.unknown_denials_store import Counted
from shared.domain.denials import normalise_reason
from shared.domain.ids import TenantId
from shared.domain.masked import masked

EVERYBODY: Final = TenantId("-")


class UnknownQuery(Paging):
    """Which texts: met on these days, both included, in UTC."""

    since: Day | None = None
    until: Day | None = None


class UnknownDenialOut(BaseModel):
    """A text without numbers, addresses and names; equal ones of all tenants together."""

    group: str = Field(description="A keyed hash: equal for equal texts, and says nothing else.")
    text: str
    count: int
    tenants: int
    first_at: Instant
    last_at: Instant


class UnknownDenialsOut(BaseModel):
    """The most frequent first; `next` goes on where they end."""

    items: list[UnknownDenialOut]
    next: str | None


class _Text(Struct, frozen=True, kw_only=True):
    group: str
    text: str
    count: int
    tenants: frozenset[TenantId]
    first_at: datetime
    last_at: datetime

    @property
    def place(self) -> tuple[int, str]:
        return -self.count, self.group


async def list_unknown(call: Call[NoBody, UnknownQuery]) -> Answer:
    """List the texts of refusals that the catalogue does not know."""
    query = call.query
    after = _place(query.cursor)
    async with call.services.pool.acquire() as conn:
        found = await unknown_denials_store.read_any_tenant(
            conn, since=_midnight(query.since), until=_midnight(query.until, days=1)
        )
    texts = sorted(_together(found, call.services.sealer), key=lambda text: text.place)
    rest = [text for text in texts if after is None or text.place > after][: query.rows]
    shown, more = cut(rest, query, lambda text: (str(text.count), text.group))
    return Answer(body=UnknownDenialsOut(items=[_show(text) for text in shown], next=more))


def _together(found: Sequence[Counted], sealer: Sealer) -> Iterable[_Text]:
    texts: dict[str, _Text] = {}
    for one in found:
        text = _masked(one, sealer)
        word = sealer.word(normalise_reason(text), tenant=EVERYBODY, purpose=columns.DENIAL_WORD)
        group = word.hex()[:16]
        new = _Text(
            group=group,
            text=text,
            count=one.count,
            tenants=frozenset((one.tenant_id,)),
            first_at=one.first_at,
            last_at=one.last_at,
        )
        known = texts.get(group)
        texts[group] = new if known is None else _joined(known, new)
    return texts.values()


def _original_text(sealer: Sealer, one: Counted) -> str:
    """What the issuer said; nothing where a lost key shut it: one text hides no other."""
    sealed = one.reason or b""
    try:
        return columns.UNKNOWN_DENIAL.open(sealer, one.tenant_id, sealed, one.denial_group).decode()
    except UnsealError:
        return ""


def _joined(one: _Text, other: _Text) -> _Text:
    return replace(
        one,
        count=one.count + other.count,
        tenants=one.tenants | other.tenants,
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
    )


def _masked(one: Counted, sealer: Sealer) -> str:
    if one.reason is None:
        return ""
    names = () if one.customer_name is None else (one.customer_name,)
    return masked(_original_text(sealer, one), names)


def _place(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    count, group = read_cursor(cursor, 2)
    number = plain_number(count, 2**63 - 1)
    if number is None:
        raise bad_cursor()
    return -number, group


def _midnight(day: date | None, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=UTC)


def _show(text: _Text) -> UnknownDenialOut:
    return UnknownDenialOut(
        group=text.group,
        text=text.text,
        count=text.count,
        tenants=len(text.tenants),
        first_at=text.first_at,
        last_at=text.last_at,
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/denials/unknown",
        name="list_unknown_denials",
        summary="Show the refusals that the catalogue does not know, of all tenants, masked",
        handler=list_unknown,
        body=NoBody,
        query=UnknownQuery,
        answer=UnknownDenialsOut,
    ),
)
