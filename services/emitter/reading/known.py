"""What our tables say of the sales of a batch."""

from collections.abc import Container, Mapping, Sequence

from services.emitter.context import TenantContext
from services.emitter.drafts import draft_from_json
from services.emitter.work import Known
from shared.db.connection import Connection, Pool
from shared.db.outbox.outbox_store import Entry
from shared.db.restores import restore_finds_store
from shared.db.sales import notas_store, sale_notas, sales_store
from shared.db.sales.notas_store import KnownNota
from shared.db.sales.sale_notas import NONE, SaleNotas
from shared.db.vindi import bills_store
from shared.domain.denials import ON_CUSTOMER
from shared.domain.ids import BillId
from shared.domain.nota import NotaStatus, Tomador


async def load_known(
    pool: Pool, context: TenantContext, entries: Sequence[Entry]
) -> dict[BillId, Known]:
    """Load what is known of these sales; every one of them has an answer."""
    ids = [entry.bill_id for entry in entries]
    async with pool.acquire() as conn:
        bills = await bills_store.load(conn, context.tenant, ids)
        sales = await sales_store.load(conn, context.tenant, ids)
        notas = await sale_notas.load(conn, context.tenant, ids)
        buyers = await _denied_with(conn, context, notas)
        listed = await _listed(conn, context, ids)
    return {
        bill: Known(
            bill=bills.get(bill),
            sale=sales.get(bill),
            notas=notas.get(bill, NONE),
            denied_with=buyers.get(bill, {}),
            listed=bill in listed,
        )
        for bill in ids
    }


async def _listed(
    conn: Connection, context: TenantContext, ids: Sequence[BillId]
) -> Container[BillId]:
    if context.restored.noticed_at is None:
        return ()
    return await restore_finds_store.unknown(conn, context.tenant, ids)


async def _denied_with(
    conn: Connection, context: TenantContext, notas: Mapping[BillId, SaleNotas]
) -> dict[BillId, dict[int, Tomador]]:
    """The buyers that denied notas were sent with, where the denial hangs on such data."""
    denied = [one for of in notas.values() for one in of.asked_for if _on_customer(one)]
    requests = await notas_store.requests(conn, context.sealer, context.tenant, denied)
    found: dict[BillId, dict[int, Tomador]] = {}
    for (bill, part), request in requests.items():
        sent = draft_from_json(request)
        found.setdefault(bill, {})[part] = sent.tomador
    return found


def _on_customer(nota: KnownNota) -> bool:
    return nota.status is NotaStatus.DENIED and nota.denial in ON_CUSTOMER
