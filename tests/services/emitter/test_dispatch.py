"""Who has just come waits for no pass over others, however long their claims take."""

import asyncio

from services.emitter.dispatch import Dispatcher
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import LIVE, Mark
from shared.db.tenants import tenants_store
from shared.domain.ids import BillId, TenantId
from tests.services.emitter.conftest import Desk

CROWD = 12
SALES = 150  # of each: two batches
# Each claim takes a tenth of a second, as on a crowded machine, and is written down.
SLOW_CLAIMS = """
    CREATE TABLE claimed (number serial, tenant_id text);
    CREATE FUNCTION claim_slowly() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO claimed (tenant_id)
            SELECT DISTINCT tenant_id
              FROM before JOIN after USING (tenant_id, bill_id)
             WHERE before.state = 'due' AND after.state = 'leased';
            IF found THEN
                PERFORM pg_sleep(0.1);
            END IF;
            RETURN NULL;
        END $$;
    CREATE TRIGGER slowly AFTER UPDATE ON outbox
       REFERENCING OLD TABLE AS before NEW TABLE AS after
       FOR EACH STATEMENT EXECUTE FUNCTION claim_slowly();
"""


async def test_who_comes_during_a_pass_waits_for_a_claim_or_two_of_it(
    desk: Desk, pool: Pool
) -> None:
    crowd = [TenantId(f"tbusy{number:06}") for number in range(CROWD)]
    async with pool.acquire() as conn:
        await conn.execute(SLOW_CLAIMS)
        for tenant in crowd:
            await tenants_store.add(
                conn, tenant, name="Cheia", plan="pro", timezone="America/Sao_Paulo"
            )
        await outbox_store.mark_due(
            conn, [mark(tenant, bill) for tenant in crowd for bill in range(1, SALES + 1)]
        )
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    passes = asyncio.create_task(until_all_are_claimed(dispatcher, pool, CROWD + 1))
    while len(before := await claimed(pool)) <= CROWD:
        await asyncio.sleep(0.01)
    await desk.sold()
    await passes
    await dispatcher.drain()

    order = await claimed(pool)
    assert set(order) == {*crowd, desk.tenant}
    # Those claimed before it was told of, the pass that ran then, and the claim under way.
    assert order.index(desk.tenant) <= len(before) + 4


async def until_all_are_claimed(dispatcher: Dispatcher, pool: Pool, number: int) -> None:
    async with asyncio.timeout(60):
        while len(set(await claimed(pool))) < number:
            await dispatcher.dispatch_once(lambda: None)


def mark(tenant: TenantId, bill: int) -> Mark:
    return Mark(tenant_id=tenant, bill_id=BillId(bill), lane=LIVE, origin="webhook")


async def claimed(pool: Pool) -> list[str]:
    async with pool.acquire() as conn:
        rows = await conn.fetch("SELECT tenant_id FROM claimed ORDER BY number")
    return [row["tenant_id"] for row in rows]
