"""Bills that were read go in: what differs is stored and made due in one commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from services.reconciler.accounts.compare import Verdict, compare_bill, event_due
from services.reconciler.accounts.context import CLOCKS_APART, AccountLeft, PassContext
from services.reconciler.accounts.rows import Row, id_of
from shared.db.away import database_away
from shared.db.outbox.outbox_store import Mark
from shared.db.sales import sales_store
from shared.db.vindi import bills_store
from shared.db.vindi.bills_store import AS_STORED, KnownBill, ReadBill, came_alive, is_another
from shared.domain.attention import ANOTHER_BILL
from shared.domain.bill import Bill
from shared.domain.ids import BillId, ChargeId
from shared.domain.money import Cents
from shared.intake import take_in_bills
from shared.vindi.client import Read

UNREADABLE: Final = "bill_unreadable"
NOT_FOUND: Final = "bill_not_found"
FAILED: Final = "decision_failed"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundsRead:
    """What was read of refunds: all of a charge added up, and when the newest was made."""

    sums: Mapping[ChargeId, Cents] = field(default_factory=dict)
    newest: Mapping[BillId, datetime] = field(default_factory=dict)

    def of(self, bill: Bill) -> dict[ChargeId, Cents]:
        """The sums of one bill's charges, as far as they were read."""
        return {c.id: self.sums[c.id] for c in bill.charges if c.id in self.sums}


NONE_READ: Final = RefundsRead()


async def take_in_rows(
    context: PassContext,
    asked_at: datetime,
    rows: Sequence[Row[Bill]],
    *,
    refunds: RefundsRead = NONE_READ,
    touch: bool = False,
) -> None:
    """Compare bills with what is stored and commit what differs.

    With `touch` bills that are the same are stored too, so that they count as just seen. A row
    that cannot be taken in does not keep the others away: its sale is made due, for the emitter
    to read and to hold. Raises AccountLeft.
    """
    try:
        await _take_in(context, asked_at, rows, refunds=refunds, touch=touch)
    except AccountLeft:
        raise
    except Exception as error:
        if database_away(error):
            raise
        log.warning("rows_taken_one_by_one", tenant_id=context.tenant, error=type(error).__name__)
        for row in rows:
            await _take_in_alone(context, asked_at, row, refunds=refunds, touch=touch)


async def _take_in_alone(
    context: PassContext,
    asked_at: datetime,
    row: Row[Bill],
    *,
    refunds: RefundsRead,
    touch: bool,
) -> None:
    try:
        await _take_in(context, asked_at, [row], refunds=refunds, touch=touch)
    except AccountLeft:
        raise
    except Exception as error:
        if database_away(error):
            raise
        number = id_of(row)
        log.error(  # noqa: TRY400 - not the exception's text: drivers quote the values they refuse
            "row_not_taken_in",
            tenant_id=context.tenant,
            bill_id=number,
            error=type(error).__name__,
        )
        if number is not None:
            await mark_again(context, await _news(context, [BillId(number)], FAILED))


async def _take_in(
    context: PassContext,
    asked_at: datetime,
    rows: Sequence[Row[Bill]],
    *,
    refunds: RefundsRead,
    touch: bool,
) -> None:
    bills = {row.value.id: row for row in rows if isinstance(row, Read)}
    unreadable = [BillId(row.id) for row in rows if not isinstance(row, Read) and row.id]
    async with context.pool.acquire() as conn:
        known = await bills_store.load(conn, context.tenant, list(bills))
    others = [number for number, row in bills.items() if is_another(known.get(number), row.value)]
    for number in others:  # what is known by this number stays as it is
        del bills[number]
    context.findings.seen.update(dict.fromkeys(bills, asked_at))
    reads: list[ReadBill] = []
    marks: list[Mark] = []
    events: dict[BillId, datetime] = {}
    for bill_id, row in bills.items():
        before = known.get(bill_id)
        stored = context.stored_bill(before)
        sums = refunds.of(row.value)
        verdict = compare_bill(
            stored,
            row.value,
            refunds_known=before.refunds if before else None,
            refunds_read=sums,
        )
        if verdict is Verdict.DIFFERS or (touch and verdict is Verdict.SAME):
            newest = refunds.newest.get(bill_id)
            body = AS_STORED if verdict is Verdict.SAME else context.seal_bill(bill_id, row.raw)
            reads.append(_read(body, before, row, sums, newest, asked_at))
        if verdict is Verdict.SAME:
            continue
        as_stored = verdict is Verdict.DIFFERS
        marks.append(_mark(context, bill_id, read_at=asked_at if as_stored else None))
        if verdict is Verdict.OLDER:
            continue
        due = event_due(stored, row.value, refunded_at=refunds.newest.get(bill_id))
        if due is not None:
            events[bill_id] = due
    marks += [_mark(context, bill) for bill in await _news(context, unreadable, UNREADABLE)]
    marks += [_mark(context, bill) for bill in await _news(context, others, ANOTHER_BILL)]
    if reads or marks:
        await _keep(context, reads, marks)
    context.findings.found.update(mark.bill_id for mark in marks)
    if reads:
        context.findings.sample = reads[0].bill
    _await_events(context, events)


async def _keep(context: PassContext, reads: Sequence[ReadBill], marks: Sequence[Mark]) -> None:
    kept = await take_in_bills(
        context.pool, context.tenant, reads, marks, connected_at=context.connected_at
    )
    if not kept:
        raise AccountLeft("the tenant went on to another connection")


async def take_in_missing(context: PassContext, bills: Sequence[BillId]) -> None:
    """Bills that Vindi says it does not have: the emitter asks again before believing it."""
    marks = [_mark(context, bill) for bill in await _news(context, bills, NOT_FOUND)]
    if marks:
        await _keep(context, [], marks)
    context.findings.found.update(mark.bill_id for mark in marks)


async def mark_again(context: PassContext, bills: Sequence[BillId]) -> None:
    """Have these sales decided again, though nothing of their bills is new."""
    if bills:
        marks = [_mark(context, bill) for bill in bills]
        await _keep(context, [], marks)
        context.findings.found.update(bills)


async def _news(context: PassContext, bills: Sequence[BillId], code: str) -> list[BillId]:
    """Those of these bills whose sale does not say so already."""
    if not bills:
        return []
    async with context.pool.acquire() as conn:
        sales = await sales_store.load(conn, context.tenant, bills)
    return [
        bill
        for bill in bills
        if bill not in sales or code not in (sales[bill].code, sales[bill].attention)
    ]


def _read(
    body: bytes,
    before: KnownBill | None,
    row: Read[Bill],
    sums: Mapping[ChargeId, Cents],
    refunded_at: datetime | None,
    asked_at: datetime,
) -> ReadBill:
    return ReadBill(
        bill=row.value,
        body=body,
        refunds={**(before.refunds if before else {}), **sums},
        refunded_at=refunded_at,
        came_alive_at=came_alive(before, row.value),
        read_at=asked_at,
    )


def _mark(context: PassContext, bill: BillId, *, read_at: datetime | None = None) -> Mark:
    return Mark(
        tenant_id=context.tenant,
        bill_id=bill,
        lane=context.lane,
        origin="reconciler",
        read_at=read_at,
        asked=True,
    )


def _await_events(context: PassContext, due: Mapping[BillId, datetime]) -> None:
    """Note sales whose events should have come, or are to come."""
    # What happened before the last pass, or before the account was connected, is no evidence.
    earliest = max(context.connected_at, context.state.bills_mark - CLOCKS_APART)
    context.findings.events_due.update({bill: at for bill, at in due.items() if at >= earliest})
