"""Whether a raw event is about somebody, and what it calls them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from shared.commands.privacy.whose import Whose
from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.db.privacy.person_read import PersonEvent
from shared.domain.ids import BillId, TenantId
from shared.domain.privacy.who import NOBODY, Who, mentions, who_is
from shared.net.json_bytes import read_json

_DEEPEST: Final = 20


def is_theirs(
    sealer: Sealer,
    tenant: TenantId,
    event: PersonEvent,
    *,
    words: Sequence[str],
    customers: Collection[int],
) -> bool:
    """Say whether an event names one of these customers, by number or by a word of theirs."""
    heard = heard_of(sealer, tenant, event, words=words, customers=customers)
    return heard is not None


def heard_of(
    sealer: Sealer,
    tenant: TenantId,
    event: PersonEvent,
    *,
    words: Sequence[str],
    customers: Collection[int],
) -> Who | None:
    """What an event calls one of these customers; None where it is not about them.

    Nobody's words where a word of theirs stands in it that is not beside their number.
    """
    body = _opened(sealer, tenant, event)
    if body is None:
        return None
    named = NOBODY
    numbered = False
    # Most events are of others: where no number is among the letters, no JSON is read.
    if any(str(number).encode() in body for number in customers):
        for number, customer in _customers_in(_json(body)):
            if number in customers:
                numbered, named = True, named.joined(who_is(customer))
    if numbered:
        return named
    return NOBODY if words and mentions(body.decode("utf-8", "replace"), words) else None


class Theirs(Struct, frozen=True, kw_only=True):
    """Of a page of events: those that are theirs, what these call them, and which bills passed."""

    events: Sequence[tuple[datetime, UUID]]
    passed: Collection[BillId]
    who: Who


def find_theirs(
    sealer: Sealer,
    tenant: TenantId,
    page: Sequence[PersonEvent],
    whose: Whose,
    bills: Collection[BillId],
) -> Theirs:
    """Find which events of a page are theirs, of `bills` in which they stand and of others.

    Of a bill that is theirs all are, whatever they say. Of one that is another's by now it is told
    by each: by number or document, and where they stand in the bill by any word of theirs. Of one
    that nobody read, or of none, by number, document or address.
    """
    events: list[tuple[datetime, UUID]] = []
    passed: set[BillId] = set()
    who = NOBODY
    for event in page:
        known = event.bill_id in bills
        if not (known and whose.has(event.bill_customer_id)):
            words = _words_for(whose.who, known=known, anothers=event.bill_customer_id is not None)
            heard = heard_of(sealer, tenant, event, words=words, customers=whose.customers)
            if heard is None:
                continue
            who = who.joined(heard)
            if event.bill_id is not None and event.bill_customer_id is not None:
                passed.add(event.bill_id)
        events.append((event.received_at, event.event_id))
    return Theirs(events=events, passed=passed, who=who)


def _words_for(who: Who, *, known: bool, anothers: bool) -> Sequence[str]:
    if known:
        return who.words
    return who.sure if anothers else who.own


def is_told(sealer: Sealer, tenant: TenantId, event: PersonEvent, *, whose: Whose) -> bool:
    """Say whether an event of a bill in which they stand may be shown to them.

    One that names customers by number is theirs who are named. What names nobody is told where the
    bill is theirs, or a word of theirs stands in it.
    """
    body = _opened(sealer, tenant, event)
    named = {number for number, _ in _customers_in(_json(body))} if body else set()
    if named:
        return bool(named & whose.customers)
    if whose.has(event.bill_customer_id):
        return True
    return body is not None and mentions(body.decode("utf-8", "replace"), whose.who.words)


def _opened(sealer: Sealer, tenant: TenantId, event: PersonEvent) -> bytes | None:
    if not event.body:
        return None
    try:
        return columns.EVENT.open(sealer, tenant, event.body, event.event_id)
    except UnsealError:
        return None


def _json(body: bytes) -> object:
    try:
        return read_json(body)
    except ValueError:
        return None


def _customers_in(value: object, depth: int = 0) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The customers that an event's JSON names by number, wherever in it."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for part in value:
            yield from _customers_in(part, depth + 1)
    if not isinstance(value, dict):
        return
    for part in value.values():
        yield from _customers_in(part, depth + 1)
    customer = value.get("customer")
    if isinstance(customer, dict):
        number = customer.get("id")
        if isinstance(number, int) or (isinstance(number, str) and number.isdecimal()):
            yield int(number), customer
