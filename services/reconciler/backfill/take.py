"""Handing sales of a backfill to the emitter, through the same road as every other fact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.db.backfill import backfill_sales_store
from shared.db.backfill.backfill_sales_store import TakenSale
from shared.db.connection import Connection
from shared.db.outbox.outbox_store import BACKFILL, Mark
from shared.db.sales import timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.vindi.bills_store import ReadBill
from shared.domain.backfill_run import Backfill
from shared.domain.ids import BillId
from shared.domain.money import NOTHING
from shared.intake import put_bills


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A bill as read, and the moment by which it is in the window."""

    read: ReadBill
    moment_at: datetime | None


async def take(conn: Connection, run: Backfill, sales: Sequence[Taken]) -> None:
    """Store bills, put their sales under the backfill's terms and make them due, in one commit."""
    if not sales:
        return
    marks = [_mark(run, sale.read.bill.id, sale.read.read_at) for sale in sales]
    await put_bills(conn, run.tenant_id, [sale.read for sale in sales], marks)
    taken = await backfill_sales_store.take(conn, run, [_sale(sale) for sale in sales])
    why = f"{run.id}; competência: {_COMPETENCIA[run.asked.competencia]}"
    told = [
        Happening(bill_id=bill, what="backfill_taken", why=why, by="backfill")
        for bill in sorted(taken)
    ]
    await timeline_store.add(conn, run.tenant_id, told)


async def take_unread(conn: Connection, run: Backfill, bills: Sequence[BillId]) -> None:
    """Make bills due that could not be read here: the emitter tries, and holds them.

    They stand under the backfill's terms all the same, whenever they can be read at last.
    """
    if not bills:
        return
    await put_bills(conn, run.tenant_id, [], [_mark(run, bill, None) for bill in bills])
    await backfill_sales_store.take(conn, run, [_unread(bill) for bill in bills])


_COMPETENCIA = {"original": "a do momento da venda", "today": "a do dia do envio"}


def _mark(run: Backfill, bill: BillId, read_at: datetime | None) -> Mark:
    return Mark(
        tenant_id=run.tenant_id,
        bill_id=bill,
        lane=BACKFILL,
        origin="backfill",
        read_at=read_at,
        asked=True,
    )


def _unread(bill: BillId) -> TakenSale:
    return TakenSale(
        bill_id=bill, amount=NOTHING, moment_at=None, customer_id=None, customer_name=""
    )


def _sale(sale: Taken) -> TakenSale:
    bill = sale.read.bill
    return TakenSale(
        bill_id=bill.id,
        amount=bill.amount,
        moment_at=sale.moment_at,
        customer_id=bill.customer_id,
        customer_name=bill.customer_name,
    )
