import asyncio

import pytest

from shared.db.connection import Pool
from shared.db.sales import timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import idempotency_store, rules_store, tenants_store
from shared.db.tenants.idempotency_store import AnsweredBefore, Begun, KeyId, Reused, Running
from shared.domain.ids import BillId, TenantId
from shared.domain.rule import Rule

TENANT = TenantId("taaaaaaaaaa")
KEY = KeyId(tenant_id=TENANT, actor="support", key="k")
BODY, OTHER = b"a" * 32, b"b" * 32
RULE = Rule(issue_when="bill_paid")


async def add_tenant(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await tenants_store.add(
            conn, TENANT, name="Escola Aurora", plan="basic", timezone="America/Sao_Paulo"
        )


async def test_rules_put_at_once_get_numbers_of_their_own(pool: Pool) -> None:
    await add_tenant(pool)

    async def put() -> int:
        async with pool.acquire() as conn, conn.transaction():
            return (await rules_store.add(conn, TENANT, RULE, by="ana")).version

    versions = await asyncio.gather(*(put() for _ in range(6)))

    assert sorted(versions) == [1, 2, 3, 4, 5, 6]
    async with pool.acquire() as conn:
        assert await rules_store.in_force(conn, TENANT) == (6, RULE)


async def test_terms_say_since_when_and_whether_notas_are_issued(pool: Pool) -> None:
    await add_tenant(pool)
    async with pool.acquire() as conn:
        before = await tenants_store.terms(conn, TENANT)
        await tenants_store.activate(conn, TENANT)
        active = await tenants_store.terms(conn, TENANT)
        await tenants_store.pause(conn, TENANT)
        paused = await tenants_store.terms(conn, TENANT)
        with pytest.raises(LookupError):
            await tenants_store.terms(conn, TenantId("tzzzzzzzzzz"))

    assert (before.active_from, before.issuing) == (None, False)
    assert active.issuing
    assert (paused.active_from, paused.issuing) == (active.active_from, False)
    assert paused.zone.key == "America/Sao_Paulo"


async def test_an_idempotency_key_is_begun_once_and_answers_ever_after(pool: Pool) -> None:
    async with pool.acquire() as conn:
        begun = await idempotency_store.begin(conn, KEY, BODY)
        assert isinstance(begun, Begun)
        assert await idempotency_store.begin(conn, KEY, BODY) == Running()
        assert await idempotency_store.begin(conn, KEY, OTHER) == Reused()

        assert await idempotency_store.finish(conn, KEY, begun, status=201, response={"a": 1})

        assert await idempotency_store.begin(conn, KEY, BODY) == AnsweredBefore(
            status=201, response={"a": 1}
        )


async def test_a_key_of_a_dead_process_is_taken_over_and_the_dead_one_cannot_finish(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        dead = await idempotency_store.begin(conn, KEY, BODY)
        assert isinstance(dead, Begun)
        await conn.execute(
            "UPDATE idempotency_keys SET created_at = created_at - interval '1 hour'"
        )

        taken = await idempotency_store.begin(conn, KEY, BODY)

        assert isinstance(taken, Begun)
        assert not await idempotency_store.finish(conn, KEY, dead, status=201, response={})
        assert await idempotency_store.finish(conn, KEY, taken, status=201, response={})


async def test_a_timeline_keeps_the_order_in_which_things_happened(pool: Pool) -> None:
    words = [f"word_{number}" for number in range(50)]
    async with pool.acquire() as conn:
        await timeline_store.add(
            conn,
            TENANT,
            [Happening(bill_id=BillId(7), what=word, why="", by="emitter") for word in words],
        )
        entries = await timeline_store.of_bill(conn, TENANT, BillId(7))

    assert [entry.what for entry in entries] == words
