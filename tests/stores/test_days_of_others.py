"""What others issued by day is read by the tenant's own rows, however many others there are."""

import json
from datetime import UTC, date, datetime
from typing import Any

from shared.db.closing import shadow_read
from shared.db.connection import Pool
from shared.domain.ids import TenantId
from tests.support.month_rows import TENANT, a_tenant, write_shadow

FIRST = datetime(2026, 10, 1, 3, tzinfo=UTC)
DAYS = (date(2026, 10, 1), date(2026, 10, 31))
OTHERS = """
    INSERT INTO foreign_notas (tenant_id, issuer_id, environment, document_word, amount,
                               competencia, valid)
    SELECT $1, 'f-' || n, 'Producao', 'x', 1, $2, true FROM generate_series(1, 20000) AS n
"""


async def test_an_index_leads_to_one_tenants_notas(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        await write_shadow(conn, 1, 1_000, FIRST)
        other = TenantId("tother00000")
        await conn.execute(
            "INSERT INTO tenants SELECT (jsonb_populate_record(t, jsonb_build_object("
            "'tenant_id', $2::text))).* FROM tenants t WHERE t.tenant_id = $1",
            TENANT,
            other,
        )
        await conn.execute(OTHERS, other, DAYS[0])
        await conn.execute("ANALYZE foreign_notas")
        shown = await conn.fetchval(
            f"EXPLAIN (FORMAT JSON) {shadow_read.THEIRS}",
            TENANT,
            *DAYS,
        )
        days = await shadow_read.days_of_others(conn, TenantId(TENANT), *DAYS)

    plan = json.loads(shown) if isinstance(shown, str) else shown
    assert list(scans_of_tables(plan[0]["Plan"])) == []
    assert sum(one.notas for one in days) == 1_000
    assert [one.day for one in days] == sorted(one.day for one in days)


def scans_of_tables(plan: dict[str, Any]) -> list[str]:
    """The tables that a plan reads whole."""
    mine = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return mine + [name for one in plan.get("Plans", ()) for name in scans_of_tables(one)]
