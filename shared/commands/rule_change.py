"""What a change of rule would do to sales not yet sent, told before it is put in force.

From what is stored alone: nothing is asked of Vindi or of the issuer, and nothing is written.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.outbox import unsent_store
from shared.db.outbox.unsent_store import UNSENT, UnsentSale
from shared.db.sales import notas_store, sales_store
from shared.db.sales.sales_store import KnownSale
from shared.db.tenants import rules_store, tenants_store
from shared.db.vindi import bills_store
from shared.db.vindi.bills_store import KnownBill, came_alive
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.rule import Rule
from shared.domain.rule_change import ChangeCount, SaleChange, change_of, tally
from shared.domain.sale import SaleFacts, TenantTerms
from shared.domain.shadow import LEFT_TO_OTHERS
from shared.vindi.stored import open_bill, open_customer

AT_ONCE: Final = 200
MOST_SALES: Final = 20_000  # some seconds of work; the answer says when there are more


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """How many unsent sales were looked at, and which would change; not `whole` when cut off."""

    looked_at: int
    whole: bool
    changes: Sequence[ChangeCount]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsent:
    facts: SaleFacts
    amount: Cents


async def foresee_change(
    pool: Pool, sealer: Sealer, tenant: TenantId, rule: Rule, now: datetime
) -> RuleChange:
    """Decide every unsent sale under the rule in force and under `rule`, and count the changes."""
    async with pool.acquire() as conn:
        terms = await tenants_store.terms(conn, tenant)
        in_force = await rules_store.in_force(conn, tenant)
    old = in_force[1] if in_force else None
    looked_at = 0
    changes: list[tuple[SaleChange, Cents]] = []
    async for sales in _unsent(pool, sealer, tenant):
        if looked_at >= MOST_SALES:
            return RuleChange(looked_at=looked_at, whole=False, changes=tally(changes))
        looked_at += len(sales)
        # Beside the loop: under rules of thousands of exceptions a page takes a good part of a
        # second, and others ask meanwhile.
        changes += await asyncio.to_thread(_changes, sales, old, rule, terms, now)
    return RuleChange(looked_at=looked_at, whole=True, changes=tally(changes))


def _changes(
    sales: Sequence[_Unsent], old: Rule | None, rule: Rule, terms: TenantTerms, now: datetime
) -> list[tuple[SaleChange, Cents]]:
    found = ((change_of(sale.facts, old, rule, terms, now), sale.amount) for sale in sales)
    return [(moved, amount) for moved, amount in found if moved is not None]


async def _unsent(pool: Pool, sealer: Sealer, tenant: TenantId) -> AsyncIterator[Sequence[_Unsent]]:
    for status in UNSENT:
        after = BillId(0)
        while True:
            async with pool.acquire() as conn:
                rows = await unsent_store.page(conn, tenant, status, after=after, limit=AT_ONCE)
                ids = [row.bill_id for row in rows]
                bills = await bills_store.load(conn, tenant, ids)
                sales = await sales_store.load(conn, tenant, ids)
                notas = await notas_store.load_newest(conn, tenant, ids)
            if not rows:
                break
            sent = {
                bill
                for bill, found in notas.items()
                if any(nota.status is not NotaStatus.CANCELLED for nota in found)
            }
            yield [
                _facts(sealer, tenant, row, bills[row.bill_id], sales[row.bill_id])
                for row in rows
                if row.bill_id in bills and row.bill_id in sales and row.bill_id not in sent
            ]
            after = ids[-1]


def _facts(
    sealer: Sealer, tenant: TenantId, row: UnsentSale, known: KnownBill, sale: KnownSale
) -> _Unsent:
    bill = open_bill(sealer, tenant, row.bill_id, known.body).value
    facts = SaleFacts(
        bill=bill,
        refunds=known.refunds,
        customer=None
        if row.customer is None
        else open_customer(sealer, tenant, row.bill_id, row.customer),
        came_alive_at=came_alive(known, bill),
        wish=sale.wish,
        wish_at=sale.wish_at,
        competencia=sale.competencia,
        backfill=sale.backfill,
        known_moment=sale.moment_at,
        amount_choice=sale.amount_choice,
        without_document=sale.without_document,
        today=sale.day_choice == "today",
        left_out=sale.code in LEFT_TO_OTHERS,
        seen=known.seen,
    )
    return _Unsent(facts=facts, amount=sale.amount)
