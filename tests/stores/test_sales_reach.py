"""Pages that each look only so far show, together, all that fits, once and in order."""

from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from shared.crypto.seal import Sealer
from shared.db.connection import Connection, Pool
from shared.db.sales import sales_reach, sales_read
from shared.db.sales.sales_read import SaleFilter
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.sale import SaleStatus

TENANT: Final = TenantId("treachreach")
ZONE: Final = ZoneInfo("America/Sao_Paulo")
SEALER: Final = Sealer([b"k" * 32])
ROWS: Final = 5
# Moments run with the bills, but for every ninth, which was paid forty days late.
SALES: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, attention, amount, moment_at, origin,
                       customer_name)
    SELECT $1, n * 3,
           CASE WHEN n % 7 = 0 THEN 'held' WHEN n % 11 = 0 THEN 'denied' ELSE 'issued' END,
           CASE WHEN n % 7 = 0 THEN (ARRAY['rule_manual', 'customer_foreign'])[1 + n % 2] END,
           CASE WHEN n % 13 = 0 AND n % 7 > 0 THEN 'rule_manual' END,
           100 * (n % 10),
           CASE WHEN n % 97 > 0 THEN
                '2026-01-01'::timestamptz + n * interval '12 hours'
                + CASE WHEN n % 9 = 0 THEN interval '40 days' ELSE interval '0' END END,
           'webhook', 'Cliente ' || n % 17
      FROM generate_series(1, 300) AS n
"""
DENIALS: Final = """
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, environment, amount,
                       competencia, request, denial, denial_group)
    SELECT tenant_id, bill_id, 1, 'r-' || bill_id, 'denied', 'Producao', 100, '2026-01-01', '',
           'denied_city', 'denied_city'
      FROM sales WHERE tenant_id = $1 AND status = 'denied'
"""


@pytest.mark.parametrize(
    "narrowed",
    [
        {},
        {"status": SaleStatus.HELD},
        {"status": SaleStatus.UNCERTAIN},
        {"code": "rule_manual"},
        {"code": "rule_manual", "status": SaleStatus.ISSUED},
        {"code": "denied_city"},
        {"code": "denied_city", "since": date(2026, 3, 1)},
        {"code": "of_no_sale"},
        {"since": date(2026, 2, 1), "until": date(2026, 2, 28)},
        {"since": date(2026, 5, 20)},
        {"since": date(2026, 2, 1)},
        {"until": date(2026, 2, 1)},
        {"until": date(2020, 2, 1)},
        {"since": date(2030, 2, 1)},
        {"status": SaleStatus.HELD, "until": date(2026, 3, 1)},
        {"least": Cents(900)},
        {"least": Cents(100), "most": Cents(100), "status": SaleStatus.DENIED},
        {"least": Cents(10_000)},
        {"text": "cliente 3"},
        {"text": "ninguém"},
        {"text": "cliente 3", "since": date(2026, 2, 1), "until": date(2026, 3, 20)},
    ],
    ids=str,
)
async def test_pages_that_look_only_so_far_show_together_all_that_fits(
    pool: Pool, narrowed: dict[str, Any]
) -> None:
    wanted = SaleFilter(**narrowed)
    async with pool.acquire() as conn:
        await _add_tenant(conn)
        whole = await sales_read.list_newest_first(
            conn, SEALER, TENANT, ZONE, wanted, before=None, limit=1000
        )
        paged = await _paged(conn, wanted)

    assert paged == [sale.bill_id for sale in whole]


async def test_no_page_is_looked_for_in_more_sales_than_it_may(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await _add_tenant(conn)
        wanted = SaleFilter(least=Cents(10_000))
        reach = await sales_reach.where_to_look(conn, TENANT, ZONE, wanted, None, walk=20)
        walked = await conn.fetchval(
            "SELECT count(*) FROM sales WHERE tenant_id = $1 AND bill_id < $2 AND bill_id > $3",
            TENANT,
            reach.before,
            reach.above,
        )

    assert walked == 20
    assert reach.ended == 3 * 280 + 1


async def _paged(conn: Connection, wanted: SaleFilter) -> list[BillId]:
    """As the panel turns pages."""
    found: list[BillId] = []
    before: BillId | None = None
    for _ in range(1000):
        reach = await sales_reach.where_to_look(
            conn, TENANT, ZONE, wanted, before, walk=20, caused=7
        )
        near = replace(wanted, bills=reach.bills, above=reach.above)
        sales = await sales_read.list_newest_first(
            conn, SEALER, TENANT, ZONE, near, before=reach.before, limit=ROWS + 1
        )
        found += [sale.bill_id for sale in sales[:ROWS]]
        if len(sales) > ROWS:
            before = found[-1]
        elif reach.ended is not None:
            before = reach.ended
        else:
            return found
    raise AssertionError("pages never end")


async def _add_tenant(conn: Connection) -> None:
    await conn.execute(
        "INSERT INTO tenants (tenant_id, name, plan, timezone)"
        " VALUES ($1, 'Alcance', 'pro', 'America/Sao_Paulo')",
        TENANT,
    )
    await conn.execute(SALES, TENANT)
    await conn.execute(DENIALS, TENANT)
