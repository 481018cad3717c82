"""Brings the bills, refunds and customers of a batch up to date, in as few calls as it takes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.context import TenantContext
from services.emitter.work import FreshSale, Known
from shared.crypto import columns
from shared.db.outbox.outbox_store import Entry
from shared.db.vindi.bills_store import came_alive, is_another
from shared.domain.bill import Bill, BillStatus
from shared.domain.ids import BillId, ChargeId
from shared.domain.money import Cents
from shared.domain.refunds import maybe_refunded
from shared.domain.sale import SaleStatus
from shared.net.json_bytes import write_json
from shared.vindi.bulk import Bulk, Found, FoundRefunds
from shared.vindi.client import Read, Unreadable, Untold, VindiClient
from shared.vindi.errors import VindiUnavailable
from shared.vindi.stored import reopen_bill, seal_bill, seal_customer

STILL_FRESH: Final = timedelta(seconds=30)
# For what came due by its date alone: somebody may have just taken back what nobody told us of yet.
FRESH_BY_DATE: Final = timedelta(seconds=5)
# Where records are read one by one, what was read in one window of requests is used in the next.
FRESH_FOR_LONG: Final = timedelta(minutes=2)
# Records that are read one by one before what they lead to is written: little is left undone then
# when a window of requests ends.
ALONE_AT_ONCE: Final = 10
# Of those that nothing but an event ever named, and that a list lacks: anybody may make them up.
UNPROVEN_ALONE: Final = 3
# After a read that came too early; beyond these what it says counts.
READ_AGAIN: Final = (timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=60))

# Tries, over more than ten minutes, after which a record that Vindi never shows, while it shows
# others, is its sale's own trouble.
SILENT_AFTER: Final = 10

ClaimsOf = Callable[[Sequence[BillId]], Awaitable[Mapping[BillId, set[str]]]]

# What an event says of its bill; a read that says less may come from a lagging replica.
_CLAIMED: Final = {
    "bill_paid": frozenset({BillStatus.PAID, BillStatus.CANCELED}),
    "bill_canceled": frozenset({BillStatus.CANCELED}),
}


class TooEarly(Struct, frozen=True, kw_only=True):
    """Vindi says less than we heard or stored already: from a lagging replica, most likely."""

    wait: timedelta
    unknown: bool = False  # it says nothing at all: the account does not have the bill yet, or ever


class Missing(Struct, frozen=True, kw_only=True):
    """Vindi does not know the bill, however often it is asked: gone, or named by a forged event."""


class AnotherBill(Struct, frozen=True, kw_only=True):
    """Vindi shows another bill under this number: the account is not the one the sale is of."""


class Garbled(Struct, frozen=True, kw_only=True):
    """Vindi's answer about the bill cannot be used; it is kept for support."""

    problem: str
    answer: bytes  # sealed
    refused: bool = False  # Vindi would not tell, which it may not do for ever
    since: int = 0  # the try of its entry from which that is so


class NoCustomer(Struct, frozen=True, kw_only=True):
    """The bill was read, its customer could not be."""

    sale: FreshSale
    code: str
    problem: str = ""
    refused: bool = False  # as for a bill
    since: int = 0


class Refused(Struct, frozen=True, kw_only=True):
    """Vindi cannot be read at all for this tenant, until a person acts."""

    code: str


class NotNow(Struct, frozen=True, kw_only=True):
    """It did not happen, and may work later: after `wait`, where that is told.

    `sale` is the bill where that was read already: kept, so that it is not asked for again.
    """

    wait: timedelta | None
    sale: FreshSale | None = None


class Unread(Struct, frozen=True, kw_only=True):
    """A sale that cannot be decided now, and why."""

    entry: Entry
    known: Known
    why: TooEarly | Missing | AnotherBill | Garbled | NoCustomer | Refused | NotNow


class ReadBatch(Struct, frozen=True, kw_only=True):
    """Sales whose bill, or whose customer, was read, and those for which that could not be."""

    fresh: list[FreshSale]
    unread: list[Unread]


async def read_bills(
    context: TenantContext,
    vindi: VindiClient,
    entries: Sequence[Entry],
    known: Mapping[BillId, Known],
    claims_of: ClaimsOf,
    *,
    doubted: bool = False,
) -> ReadBatch:
    """Read the bills of these entries and the refunds that touch them.

    `claims_of` tells what events said of bills: asked only about those that look too early. What an
    event alone named is looked for by lists, of which one shows fifty that are real; a few are
    asked for by themselves as well, and where the tenant's events are `doubted` none, until last.
    Raises what stops the whole tenant (TenantBlockedError).
    """
    whole = context.bulk.honours_all_lists(vindi.account)
    stored = _just_read(context, entries, known, whole=whole)
    others = [entry for entry in entries if entry.bill_id not in stored]
    in_lists = _for_lists(context, vindi, others, known)
    others.sort(key=lambda entry: entry.bill_id in in_lists)
    alone = len(others) - len(in_lists) + (0 if doubted else UNPROVEN_ALONE)
    asked = await context.bulk.refresh_bills(
        vindi, [entry.bill_id for entry in others], alone=min(ALONE_AT_ONCE, alone)
    )
    answers = {**stored, **asked}
    open_yet = [e.bill_id for e in entries if _open_yet(e, known[e.bill_id], answers)]
    claims = await claims_of(open_yet) if open_yet else {}
    fresh: list[FreshSale] = []
    unread: list[Unread] = []
    for entry in entries:
        before = known[entry.bill_id]
        match answers.get(entry.bill_id):
            case None:
                unread.append(Unread(entry=entry, known=before, why=_gone(entry)))
            case Untold(error=None) if entry.bill_id in in_lists and _honoured(context, vindi):
                unread.append(Unread(entry=entry, known=before, why=_in_no_list(entry)))
            case Untold() as answer if is_silent(context.bulk, vindi, entry, answer):
                unread.append(_silent(context, entry, before, answer))
            case Untold() as answer:
                unread.append(Unread(entry=entry, known=before, why=not_now(answer)))
            case Unreadable(refused=True) if doubted and is_unproven(entry, before):
                unread.append(Unread(entry=entry, known=before, why=_gone(entry)))
            case Unreadable() as answer:
                unread.append(_garbled(context, entry, before, answer))
            case Read(value=bill) if is_another(before.bill, bill):
                unread.append(Unread(entry=entry, known=before, why=AnotherBill()))
            case Read(value=bill) if _too_early(bill, before, claims, entry):
                early = TooEarly(wait=READ_AGAIN[entry.tries])
                unread.append(Unread(entry=entry, known=before, why=early))
            case Read() as answer:
                asked_at = _asked_at(context, entry, before, stored)
                fresh.append(_fresh(context, entry, before, answer, asked_at))
    refunds = await _read_refunds(context.bulk, vindi, fresh)
    readable: list[FreshSale] = []
    for sale in fresh:
        match _refund_problem(sale, refunds):
            case None:
                readable.append(_with_refunds(sale, refunds))
            case Untold() as answer if is_silent(context.bulk, vindi, sale.entry, answer):
                unread.append(_silent(context, sale.entry, sale.known, answer))
            case Untold() as answer:
                why = not_now(answer, sale)
                unread.append(Unread(entry=sale.entry, known=sale.known, why=why))
            case Unreadable() as answer:
                unread.append(_garbled(context, sale.entry, sale.known, answer))
    return ReadBatch(fresh=readable, unread=unread)


def is_unproven(entry: Entry, known: Known) -> bool:
    """Whether nothing but an event ever named the bill."""
    return known.sale is None and known.bill is None and entry.origin == "webhook"


def _for_lists(
    context: TenantContext,
    vindi: VindiClient,
    entries: Sequence[Entry],
    known: Mapping[BillId, Known],
) -> frozenset[BillId]:
    """Bills that nothing but an event ever named, and that are not to be asked for alone yet."""
    if len(entries) < 2 or not _honoured(context, vindi):
        return frozenset()  # nothing is asked by a list
    return frozenset(
        entry.bill_id
        for entry in entries
        if is_unproven(entry, known[entry.bill_id]) and entry.tries < len(READ_AGAIN)
    )


def _in_no_list(entry: Entry) -> TooEarly:
    """A list lacks it, and its turn to be asked for by itself is to come."""
    return TooEarly(wait=READ_AGAIN[entry.tries], unknown=True)


def _honoured(context: TenantContext, vindi: VindiClient) -> bool:
    return context.bulk.honours_lists(vindi.account)


def _gone(entry: Entry) -> Missing | TooEarly:
    if entry.tries >= len(READ_AGAIN):
        return Missing()
    return TooEarly(wait=READ_AGAIN[entry.tries], unknown=True)


def not_now(answer: Untold, sale: FreshSale | None = None) -> NotNow:
    """A full budget waits its time, a failure backs off; without either its turn has not come."""
    if answer.error is None:
        return NotNow(wait=timedelta(), sale=sale)
    return NotNow(wait=answer.error.retry_after, sale=sale)


def is_silent(bulk: Bulk, vindi: VindiClient, entry: Entry, answer: Untold) -> bool:
    """Whether Vindi never shows a record, though it shows others: it is not away."""
    failing = isinstance(answer.error, VindiUnavailable) and bulk.tells(vindi.account)
    return failing and entry.tries >= SILENT_AFTER


def _silent(context: TenantContext, entry: Entry, known: Known, answer: Untold) -> Unread:
    body = context.seal(columns.UNREAD, b"{}", entry.bill_id)
    problem = str(answer.error)
    why = Garbled(problem=problem, answer=body, refused=True, since=SILENT_AFTER)
    return Unread(entry=entry, known=known, why=why)


def _garbled(context: TenantContext, entry: Entry, known: Known, answer: Unreadable) -> Unread:
    body = context.seal(columns.UNREAD, write_json(answer.raw), entry.bill_id)
    why = Garbled(problem=answer.problem, answer=body, refused=answer.refused)
    return Unread(entry=entry, known=known, why=why)


def _asked_at(
    context: TenantContext, entry: Entry, before: Known, stored: Mapping[BillId, Found[Bill]]
) -> datetime:
    if entry.bill_id in stored and before.bill is not None:
        return before.bill.read_at
    return context.now


def _just_read(
    context: TenantContext,
    entries: Sequence[Entry],
    known: Mapping[BillId, Known],
    *,
    whole: bool,
) -> dict[BillId, Found[Bill]]:
    """Bills that were read a moment ago, with nothing heard of them since: not read again."""
    found: dict[BillId, Found[Bill]] = {}
    for entry in entries:
        bill = known[entry.bill_id].bill
        fresh_for = _fresh_for(entry, known[entry.bill_id]) if whole else FRESH_FOR_LONG
        if bill is None or context.now - bill.read_at > fresh_for:
            continue
        if entry.is_covered_by(bill.read_at):
            # One that cannot be opened any more, or whose customer was erased, is asked for like
            # one never read.
            kept = reopen_bill(context.sealer, context.tenant, entry.bill_id, bill.body)
            bare = kept is None or not kept.value.customer_name
            found.update({} if kept is None or bare else {entry.bill_id: kept})
    return found


def _fresh_for(entry: Entry, before: Known) -> timedelta:
    """For how long a reading counts; what waits for its turn alone was decided on it already."""
    queued = before.sale is None or before.sale.status == SaleStatus.QUEUED
    return STILL_FRESH if entry.bill_changed or queued else FRESH_BY_DATE


def _fresh(
    context: TenantContext, entry: Entry, before: Known, answer: Read[Bill], asked_at: datetime
) -> FreshSale:
    return FreshSale(
        entry=entry,
        known=before,
        bill=answer.value,
        body=seal_bill(context.sealer, context.tenant, answer.value.id, answer.raw),
        refunds=before.bill.refunds if before.bill else {},
        came_alive_at=came_alive(before.bill, answer.value),
        read_at=asked_at,
    )


RefundsOf = Mapping[ChargeId, FoundRefunds]


async def _read_refunds(bulk: Bulk, vindi: VindiClient, fresh: Sequence[FreshSale]) -> RefundsOf:
    charges = [charge for sale in fresh for charge in maybe_refunded(sale.bill, sale.refunds)]
    if not charges:
        return {}
    return await bulk.refunds_of_charges(vindi, charges, alone=ALONE_AT_ONCE)


def _refund_problem(sale: FreshSale, refunds: RefundsOf) -> Unreadable | Untold | None:
    if not refunds:
        return None
    found = (refunds.get(charge.id) for charge in sale.bill.charges)
    return next((answer for answer in found if isinstance(answer, Unreadable | Untold)), None)


def _with_refunds(sale: FreshSale, refunds: RefundsOf) -> FreshSale:
    if not refunds and not sale.refunds:  # nearly always
        return sale
    known = {
        charge.id: found
        for charge in sale.bill.charges
        if (found := refunds.get(charge.id)) and isinstance(found, tuple)
    }
    sums = {charge: Cents(sum(one.amount for one in found)) for charge, found in known.items()}
    made = [one.created_at for found in known.values() for one in found]
    return replace(sale, refunds=sums, refunded_at=max(made, default=None))


def _open_yet(entry: Entry, before: Known, answers: Mapping[BillId, Found[Bill]]) -> bool:
    """Say whether a bill we first heard of reads as open, which an event may contradict."""
    answer = answers.get(entry.bill_id)
    if not isinstance(answer, Read) or before.bill is not None or not entry.bill_changed:
        return False
    return answer.value.status is BillStatus.PENDING and answer.value.amount != 0


def _too_early(bill: Bill, before: Known, claims: Mapping[BillId, set[str]], entry: Entry) -> bool:
    """Say whether a read is older than what we heard or stored, and worth another try."""
    if entry.tries >= len(READ_AGAIN):
        return False
    if before.bill is not None and bill.updated_at < before.bill.updated_at:
        return True
    return any(
        bill.status not in _CLAIMED[claim] for claim in claims.get(bill.id, ()) if claim in _CLAIMED
    )


async def read_customers(
    context: TenantContext, vindi: VindiClient, sales: Sequence[FreshSale]
) -> ReadBatch:
    """Read the customers of these sales.

    Raises what stops the whole tenant (TenantBlockedError).
    """
    wanted = dict.fromkeys(sale.bill.customer_id for sale in sales)
    answers = await context.bulk.refresh_customers(vindi, wanted, alone=ALONE_AT_ONCE)
    ready: list[FreshSale] = []
    unread: list[Unread] = []
    for sale in sales:
        answer = answers.get(sale.bill.customer_id)
        match answer:
            case Read():
                body = seal_customer(context.sealer, context.tenant, sale.bill.id, answer.raw)
                ready.append(replace(sale, customer=answer.value, customer_body=body))
                continue
            case Untold() if is_silent(context.bulk, vindi, sale.entry, answer):
                why: NoCustomer | NotNow = _unreadable(sale, str(answer.error), since=SILENT_AFTER)
            case Untold():
                why = not_now(answer, sale)
            case Unreadable():
                why = _unreadable(sale, answer.problem, since=0, refused=answer.refused)
            case None:  # a replica that lags says so too: it is asked again
                why = NoCustomer(sale=sale, code="customer_not_found", refused=True)
        unread.append(Unread(entry=sale.entry, known=sale.known, why=why))
    return ReadBatch(fresh=ready, unread=unread)


def _unreadable(sale: FreshSale, problem: str, *, since: int, refused: bool = True) -> NoCustomer:
    return NoCustomer(
        sale=sale, code="customer_unreadable", problem=problem, refused=refused, since=since
    )
