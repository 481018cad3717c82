"""What our tables say of sales before a backfill looks at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.db.connection import Connection
from shared.db.sales import notas_store, sales_store
from shared.db.sales.sales_store import KnownSale
from shared.db.vindi import bills_store
from shared.db.vindi.bills_store import KnownBill
from shared.domain.ids import BillId, TenantId
from shared.domain.shadow import LEFT_TO_OTHERS

LEFT_OUT: Final = LEFT_TO_OTHERS | {"activation_unclear", "account_elsewhere"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSale:
    """One sale as it is stored; None where nothing is."""

    bill: KnownBill | None = None
    sale: KnownSale | None = None
    has_nota: bool = False

    @property
    def was_taken(self) -> bool:
        """Whether the stream, or a backfill, took the sale, whatever became of it."""
        if self.has_nota or self.sale is None:
            return self.has_nota
        return self.sale.backfill is not None or self.sale.code not in LEFT_OUT


async def load_known(
    conn: Connection, tenant: TenantId, ids: Sequence[BillId]
) -> dict[BillId, StoredSale]:
    """Load what is known of these bills; every one of them has an answer."""
    bills = await bills_store.load(conn, tenant, ids)
    sales = await sales_store.load(conn, tenant, ids)
    notas = await notas_store.load_newest(conn, tenant, ids)
    return {
        bill: StoredSale(bill=bills.get(bill), sale=sales.get(bill), has_nota=bill in notas)
        for bill in ids
    }
