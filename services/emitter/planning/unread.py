"""What becomes of a sale that could not be read. Pure."""

from datetime import datetime
from typing import assert_never

from services.emitter.planning.changes import told_passed
from services.emitter.planning.follow import look_after
from services.emitter.planning.rows import is_made_out
from services.emitter.planning.waits import back_off, look_again
from services.emitter.reading.read import (
    AnotherBill,
    Garbled,
    Missing,
    NoCustomer,
    NotNow,
    Refused,
    TooEarly,
    Unread,
)
from services.emitter.work import FreshSale, Known, Plan, Rest, happened, settle
from shared.db.outbox.outbox_store import Entry, Settlement
from shared.db.sales.sales_store import SaleRow
from shared.domain.attention import ANOTHER_BILL
from shared.domain.money import Cents
from shared.domain.part_states import unwanted, was_asked
from shared.domain.sale import SaleStatus


def plan_unread(unread: Unread, now: datetime) -> Plan:
    """Say what is written for it, and follow meanwhile what the issuer has of it."""
    return look_after(_rest(unread, now), unread.known.notas, now)


def _rest(unread: Unread, now: datetime) -> Rest:
    match unread.why:
        case TooEarly(wait=wait):
            return _later(unread.entry, now + wait, failed=True)
        case NotNow(wait=wait, sale=sale):
            due_at = back_off(unread.entry.tries + 1, now) if wait is None else now + wait
            return _later(unread.entry, due_at, failed=wait is None, sale=sale)
        case Missing():
            silent = unread.known.sale is None or _speaks(unread.known, now)
            return _as_it_is(unread) if silent else _held(unread, "bill_not_found")
        case AnotherBill():
            spoken = unread.known.sale is not None and _speaks(unread.known, now)
            return _attended(unread, ANOTHER_BILL) if spoken else _held(unread, ANOTHER_BILL)
        case Refused(code=code):
            skipped = _status(unread.known) is SaleStatus.SKIPPED
            silent = skipped or _speaks(unread.known, now)
            return _as_it_is(unread) if silent else _held(unread, code)
        case Garbled() if _speaks(unread.known, now):
            again = look_again(unread.entry.tries, now)
            moving = unread.known.notas.under_way
            return _as_it_is(unread) if moving else _later(unread.entry, again, failed=True)
        case Garbled(problem=problem, refused=refused, since=since):
            again_at = _again_at(unread.entry, since, now) if refused else None
            return _held(unread, "bill_unreadable", problem, again=again_at)
        case NoCustomer(code=code, problem=problem, refused=refused, since=since):
            again_at = _again_at(unread.entry, since, now) if refused else None
            return _held(unread, code, problem, again=again_at)
        case _:
            assert_never(unread.why)


def _again_at(entry: Entry, since: int, now: datetime) -> datetime:
    return look_again(max(entry.tries - since, 0), now)


def _later(entry: Entry, due_at: datetime, *, failed: bool, sale: FreshSale | None = None) -> Rest:
    kept = None if sale is None else sale.read()
    return Rest(entry=entry, read=kept, settlement=settle(entry, due_at=due_at, failed=failed))


def _as_it_is(unread: Unread) -> Rest:
    return Rest(entry=unread.entry, settlement=_done(unread))


def _attended(unread: Unread, attention: str) -> Rest:
    """Have a person look at a sale that stays as its notas say."""
    entry, sale = unread.entry, unread.known.sale
    if sale is None or sale.attention == attention:
        return _as_it_is(unread)
    row = SaleRow(
        bill_id=entry.bill_id,
        status=sale.status,
        code=sale.code,
        detail=sale.detail,
        attention=attention,
        amount=sale.amount,
        moment_at=None,
        origin=entry.origin,
    )
    told = happened(entry, "attention", attention)
    return Rest(entry=entry, sale=row, happenings=(told,), settlement=_done(unread))


def _held(unread: Unread, code: str, problem: str = "", *, again: datetime | None = None) -> Rest:
    entry, sale, why = unread.entry, unread.known.sale, unread.why
    bill = why.sale.bill if isinstance(why, NoCustomer) else None
    named = None if is_made_out(unread.known) else bill
    row = SaleRow(
        bill_id=entry.bill_id,
        status=SaleStatus.HELD,
        code=code,
        detail=problem,
        amount=bill.amount if bill else sale.amount if sale else Cents(0),
        moment_at=None,
        origin=entry.origin,
        customer_id=named.customer_id if named else None,
        customer_name=named.customer_name if named else "",
        unread=why.answer if isinstance(why, Garbled) else None,
    )
    told = happened(entry, row.status.value, f"{code}: {problem}" if problem else code)
    same = sale is not None and (sale.status, sale.code) == (row.status, code)
    return Rest(
        entry=entry,
        read=why.sale.read() if isinstance(why, NoCustomer) else None,
        sale=row,
        happenings=(*told_passed(entry, sale, row), *(() if same else (told,))),
        settlement=_done(unread, again),
    )


def _done(unread: Unread, again: datetime | None = None) -> Settlement:
    """Finished; Vindi has said all it can, unless nothing could be asked of it.

    What it refused to tell of this sale alone is asked again.
    """
    read = not isinstance(unread.why, Refused)
    return settle(unread.entry, due_at=again, failed=again is not None, bill_read=read)


def _speaks(known: Known, now: datetime) -> bool:
    """Say whether notas tell all there is to tell: no wanted one was left unasked for."""
    parts = known.notas.parts(now)
    lacks = any(one.status is None for one in parts) and not unwanted(parts)
    return was_asked(parts) and not lacks


def _status(known: Known) -> SaleStatus | None:
    return None if known.sale is None else known.sale.status
