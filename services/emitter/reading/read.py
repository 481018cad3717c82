"""Brings the bills, refunds and customers of a batch up to date, in as few calls as it takes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.context import TenantContext
from services.emitter.planning.drafts import draft_from_json
from services.emitter.planning.waits import READ_AGAIN
from services.emitter.reading.known import lacks_part
from services.emitter.work import FreshSale, Known, Plan, happened, settle
from shared.db.outbox.outbox_store import Entry
from shared.db.sales.sales_store import SaleRow
from shared.db.vindi.bills_store import came_alive
from shared.domain.bill import Bill, BillStatus, Refund
from shared.domain.denials import ON_CUSTOMER
from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus, Tomador
from shared.domain.refunds import maybe_refunded
from shared.domain.sale import SaleStatus
from shared.net.json_bytes import write_json
from shared.vindi.bulk import Bulk, Found
from shared.vindi.client import Read, Unreadable, VindiClient
from shared.vindi.stored import open_bill, seal_bill, seal_customer

STILL_FRESH: Final = timedelta(seconds=30)

ClaimsOf = Callable[[Sequence[BillId]], Awaitable[Mapping[BillId, set[str]]]]

# What an event says of its bill; a read that says less may come from a lagging replica.
_CLAIMED: Final = {
    "bill_paid": frozenset({BillStatus.PAID, BillStatus.CANCELED}),
    "bill_canceled": frozenset({BillStatus.CANCELED}),
}


class ReadBatch(Struct, frozen=True, kw_only=True):
    """Sales whose bill was read, and plans for those whose bill could not be used."""

    fresh: list[FreshSale]
    plans: list[Plan]


async def read_bills(
    context: TenantContext,
    vindi: VindiClient,
    entries: Sequence[Entry],
    known: Mapping[BillId, Known],
    claims_of: ClaimsOf,
) -> ReadBatch:
    """Read the bills of these entries and the refunds that touch them.

    `claims_of` tells what events said of bills: asked only about those that look too early.
    Raises what the client raises when the whole batch could not be read.
    """
    stored = _just_read(context, entries, known)
    unread = [entry.bill_id for entry in entries if entry.bill_id not in stored]
    answers = {**stored, **await context.bulk.refresh_bills(vindi, unread)}
    open_yet = [e.bill_id for e in entries if _open_yet(e, known[e.bill_id], answers)]
    claims = await claims_of(open_yet) if open_yet else {}
    fresh: list[FreshSale] = []
    plans: list[Plan] = []
    for entry in entries:
        answer = answers.get(entry.bill_id)
        before = known[entry.bill_id]
        match answer:
            case None:
                plans.append(_missing(context, entry, before))
            case Unreadable():
                plans.append(_unreadable(context, entry, answer))
            case Read(value=bill) if _too_early(bill, before, claims, entry):
                plans.append(_read_again(context, entry))
            case Read():
                asked_at = _asked_at(context, entry, before, stored)
                fresh.append(_fresh(context, entry, before, answer, asked_at))
    refunds = await _read_refunds(context.bulk, vindi, fresh)
    readable: list[FreshSale] = []
    for sale in fresh:
        problem = _refund_problem(sale, refunds)
        if problem is None:
            readable.append(_with_refunds(sale, refunds))
        else:
            plans.append(_unreadable(context, sale.entry, problem))
    return ReadBatch(fresh=readable, plans=plans)


def _asked_at(
    context: TenantContext, entry: Entry, before: Known, stored: Mapping[BillId, Found[Bill]]
) -> datetime:
    if entry.bill_id in stored and before.bill is not None:
        return before.bill.read_at
    return context.now


def _just_read(
    context: TenantContext, entries: Sequence[Entry], known: Mapping[BillId, Known]
) -> dict[BillId, Found[Bill]]:
    """Bills that were read seconds ago, with nothing heard of them since: not read again."""
    found: dict[BillId, Found[Bill]] = {}
    for entry in entries:
        bill = known[entry.bill_id].bill
        if bill is None or context.now - bill.read_at > STILL_FRESH:
            continue
        if entry.heard_at is None or entry.heard_at < bill.read_at:
            found[entry.bill_id] = open_bill(context.sealer, context.tenant, bill.body)
    return found


def _fresh(
    context: TenantContext, entry: Entry, before: Known, answer: Read[Bill], asked_at: datetime
) -> FreshSale:
    return FreshSale(
        entry=entry,
        known=before,
        bill=answer.value,
        body=seal_bill(context.sealer, context.tenant, answer.raw),
        refunds=before.bill.refunds if before.bill else {},
        came_alive_at=came_alive(before.bill, answer.value),
        read_at=asked_at,
        denied_with=_denied_with(context, before),
    )


def _denied_with(context: TenantContext, known: Known) -> dict[int, Tomador]:
    notas = [part.nota for part in known.parts] or [known.nota]
    return {
        nota.part: draft_from_json(context.unseal(nota.request, "nota")).tomador
        for nota in notas
        if nota is not None and nota.status is NotaStatus.DENIED and nota.denial in ON_CUSTOMER
    }


RefundsOf = Mapping[ChargeId, tuple[Refund, ...] | Unreadable]


async def _read_refunds(bulk: Bulk, vindi: VindiClient, fresh: Sequence[FreshSale]) -> RefundsOf:
    charges = [charge for sale in fresh for charge in maybe_refunded(sale.bill, sale.refunds)]
    return await bulk.refunds_of_charges(vindi, charges) if charges else {}


def _refund_problem(sale: FreshSale, refunds: RefundsOf) -> Unreadable | None:
    found = (refunds.get(charge.id) for charge in sale.bill.charges)
    return next((answer for answer in found if isinstance(answer, Unreadable)), None)


def _with_refunds(sale: FreshSale, refunds: RefundsOf) -> FreshSale:
    sums = {
        charge.id: Cents(sum(refund.amount for refund in found))
        for charge in sale.bill.charges
        if (found := refunds.get(charge.id)) and not isinstance(found, Unreadable)
    }
    return replace(sale, refunds=sums)


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


def _read_again(context: TenantContext, entry: Entry) -> Plan:
    due_at = context.now + READ_AGAIN[entry.tries]
    return Plan(entry=entry, settlement=settle(entry, due_at=due_at, failed=True))


def _missing(context: TenantContext, entry: Entry, before: Known) -> Plan:
    """A bill Vindi does not know: too early, gone, or named by a forged event."""
    if entry.tries < len(READ_AGAIN):
        return _read_again(context, entry)
    done = settle(entry, due_at=None, bill_read=True)
    sale = before.sale
    if sale is None or (before.nota is not None and not lacks_part(before, context.now)):
        return Plan(entry=entry, settlement=done)
    row = SaleRow(
        bill_id=entry.bill_id,
        status=SaleStatus.HELD,
        code="bill_not_found",
        amount=sale.amount,
        moment_at=None,
        origin=sale.origin,
    )
    told = happened(entry, SaleStatus.HELD.value, "bill_not_found")
    return Plan(entry=entry, sale=row, happenings=(told,), settlement=done)


def _unreadable(context: TenantContext, entry: Entry, answer: Unreadable) -> Plan:
    row = SaleRow(
        bill_id=entry.bill_id,
        status=SaleStatus.HELD,
        code="bill_unreadable",
        detail=answer.problem,
        amount=Cents(0),
        moment_at=None,
        origin=entry.origin,
        unread=context.seal(write_json(answer.raw), "unread"),
    )
    told = happened(entry, SaleStatus.HELD.value, f"bill_unreadable: {answer.problem}")
    done = settle(entry, due_at=None, bill_read=True)
    return Plan(entry=entry, sale=row, happenings=(told,), settlement=done)


async def read_customers(
    context: TenantContext, vindi: VindiClient, sales: Sequence[FreshSale]
) -> tuple[list[FreshSale], list[Plan]]:
    """Read the customers of these sales; a sale whose customer cannot be used gets a plan."""
    wanted = sorted({sale.bill.customer_id for sale in sales})
    answers = await context.bulk.refresh_customers(vindi, [CustomerId(number) for number in wanted])
    ready: list[FreshSale] = []
    plans: list[Plan] = []
    for sale in sales:
        answer = answers.get(sale.bill.customer_id)
        if isinstance(answer, Read):
            body = seal_customer(context.sealer, context.tenant, answer.raw)
            ready.append(replace(sale, customer=answer.value, customer_body=body))
        else:
            plans.append(_without_customer(sale, answer))
    return ready, plans


def _without_customer(sale: FreshSale, answer: Unreadable | None) -> Plan:
    code = "customer_not_found" if answer is None else "customer_unreadable"
    row = SaleRow(
        bill_id=sale.bill.id,
        status=SaleStatus.HELD,
        code=code,
        detail=answer.problem if answer else "",
        customer_id=sale.bill.customer_id,
        amount=sale.bill.amount,
        moment_at=None,
        origin=sale.entry.origin,
    )
    return Plan(
        entry=sale.entry,
        read=sale.read(),
        sale=row,
        happenings=(happened(sale.entry, SaleStatus.HELD.value, code),),
        settlement=settle(sale.entry, due_at=None, bill_read=True),
    )
