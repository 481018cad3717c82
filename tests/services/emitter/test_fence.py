"""What is written of a sale is written by whoever holds its lease, and by nobody beside them."""

from msgspec.structs import replace

from services.emitter.acting.write import write_plans
from services.emitter.work import Act, Ask, happened
from shared.db.connection import Pool
from shared.db.sales.sale_notas import NONE
from shared.domain.ids import TenantId
from tests.builders import an_entry

TENANT = TenantId("taaaaaaaaaa")
ADD = """
    WITH t AS (
        INSERT INTO tenants (tenant_id, name, plan, timezone)
        VALUES ('taaaaaaaaaa', 'Escola Aurora', 'basic', 'America/Sao_Paulo')
        RETURNING tenant_id
    )
    INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin, attempt, lease_until, leased_by)
    SELECT tenant_id, 7, 'leased', now(), 'webhook', 2, now() + interval '12 seconds', 'here'
      FROM t
"""
LIVE = an_entry(7, tenant_id=TENANT, attempt=2)


async def test_an_answer_of_a_lease_that_ended_is_not_written_beside_one_of_the_next(
    pool: Pool,
) -> None:
    await pool.execute(ADD)
    before = replace(LIVE, attempt=1)
    ask = Ask(steps=())
    live = Act(entry=LIVE, notas=NONE, action=ask, happenings=(happened(LIVE, "live"),))
    ended = Act(entry=before, notas=NONE, action=ask, happenings=(happened(LIVE, "ended"),))

    for together in ([live, ended], [ended, live]):
        written = await write_plans(pool, TENANT, together)
        assert written == [live]

    told = await pool.fetch("SELECT what FROM timeline")
    assert [row["what"] for row in told] == ["live", "live"]
