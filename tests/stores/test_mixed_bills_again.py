"""What was held for its several services is decided again once bills can be divided."""

from pathlib import Path

from shared.db import migrations
from shared.db.connection import Pool

SQL = Path(str(migrations.__file__)).parent / "sql" / "0011_expand_mixed_bills_again.sql"
ADD = """
    WITH t AS (
        INSERT INTO tenants (tenant_id, name, plan, timezone)
        VALUES ('taaaaaaaaaa', 'Escola Aurora', 'basic', 'America/Sao_Paulo')
        RETURNING tenant_id
    ), s AS (
        INSERT INTO sales (tenant_id, bill_id, status, code, amount, origin)
        SELECT tenant_id, bill_id, 'held', code, 100, 'webhook'
          FROM t CROSS JOIN (VALUES (1, 'mixed_services'), (2, 'mixed_rules')) AS v (bill_id, code)
        RETURNING tenant_id, bill_id
    )
    INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)
    SELECT tenant_id, bill_id, 'settled', now() - interval '1 day', 'webhook' FROM s
"""


async def test_only_sales_held_for_their_services_are_due_again(pool: Pool) -> None:
    await pool.execute(ADD)

    await pool.execute(SQL.read_text(encoding="utf-8"))

    rows = await pool.fetch("SELECT bill_id, state, bill_facts FROM outbox ORDER BY bill_id")
    assert [tuple(row) for row in rows] == [(1, "due", 1), (2, "settled", 0)]
