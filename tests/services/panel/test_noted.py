"""That something was done is written down with it, and by nobody who was overtaken."""

from datetime import timedelta

import pytest

from services.panel.kit.noted import Note, TakenOver, noting, writes
from shared.db.connection import Pool
from shared.db.one_tenant import pool_of
from shared.db.tenants import audit_store, idempotency_store, tenants_store
from shared.db.tenants.idempotency_store import DONE, Begun, KeyId, Running
from shared.domain.ids import TenantId
from tests.stores.citus_shape import nodes, trees
from tests.stores.test_statements import statements

TENANT = TenantId("tabcdefghij")
KEY = KeyId(tenant_id=TENANT, actor="panel:x", key="k")
HASH = bytes(32)


async def begun(pool: Pool) -> Begun:
    async with pool.acquire() as conn:
        await tenants_store.add(conn, TENANT, name="Escola", plan="pro", timezone="UTC")
        found = await idempotency_store.begin(conn, KEY, HASH)
    assert isinstance(found, Begun)
    return found


async def fail_after_writing(used: Pool) -> None:
    async with used.acquire() as conn, conn.transaction():
        await audit_store.add(conn, TENANT, actor="Ana", action="x")
        raise ZeroDivisionError


async def status(pool: Pool) -> int | None:
    found: int | None = await pool.fetchval("SELECT status FROM idempotency_keys")
    return found


@pytest.mark.parametrize("as_panel", [True, False])
async def test_a_transaction_that_writes_says_so_and_one_that_reads_does_not(
    pool: Pool, as_panel: bool
) -> None:
    noted = noting(pool, Note(key=KEY, begun=await begun(pool)))
    used = pool_of(noted, TENANT) if as_panel else noted
    async with used.acquire() as conn, conn.transaction():
        await conn.fetch("SELECT 1 FROM tenants")
    read = await status(pool)
    with pytest.raises(ZeroDivisionError):
        await fail_after_writing(used)
    undone = await status(pool)
    async with used.acquire() as conn, conn.transaction(), conn.transaction():
        await audit_store.add(conn, TENANT, actor="Ana", action="x")

    assert (read, undone) == (None, None)
    assert await status(pool) == DONE
    assert await pool.fetchval("SELECT count(*) FROM audit") == 1
    await pool.execute("UPDATE idempotency_keys SET created_at = now() - interval '1 hour'")
    async with pool.acquire() as conn:
        assert isinstance(await idempotency_store.begin(conn, KEY, HASH), Running)


async def test_who_was_overtaken_does_nothing(pool: Pool) -> None:
    slow = await begun(pool)
    await pool.execute(
        "UPDATE idempotency_keys SET created_at = created_at - $1::interval",
        idempotency_store.ABANDONED_AFTER + timedelta(seconds=1),
    )
    async with pool.acquire() as conn:
        fast = await idempotency_store.begin(conn, KEY, HASH)
    assert isinstance(fast, Begun)

    with pytest.raises(TakenOver):
        async with noting(pool, Note(key=KEY, begun=slow)).acquire() as conn, conn.transaction():
            await audit_store.add(conn, TENANT, actor="Ana", action="x")
    async with noting(pool, Note(key=KEY, begun=fast)).acquire() as conn, conn.transaction():
        await audit_store.add(conn, TENANT, actor="Ana", action="x")

    assert await pool.fetchval("SELECT count(*) FROM audit") == 1


async def test_a_form_that_was_refused_may_be_sent_again(pool: Pool) -> None:
    own = await begun(pool)
    async with noting(pool, Note(key=KEY, begun=own)).acquire() as conn, conn.transaction():
        await audit_store.add(conn, TENANT, actor="Ana", action="x")
    async with pool.acquire() as conn:
        await idempotency_store.give_up(conn, KEY, own)
        kept = await status(pool)
        await idempotency_store.give_up(conn, KEY, own, refused=True)

        assert kept == DONE
        assert isinstance(await idempotency_store.begin(conn, KEY, HASH), Begun)


def test_what_a_statement_writes_is_read_off_it() -> None:
    changes = {"InsertStmt", "UpdateStmt", "DeleteStmt"}

    assert not [
        str(one)
        for one in statements()
        if writes(one.text)
        != any(part.get("@") in changes for tree in trees(one.text) for part in nodes(tree))
    ]


async def test_who_holds_a_row_and_changes_nothing_has_nothing_to_tell(pool: Pool) -> None:
    noted = noting(pool, Note(key=KEY, begun=await begun(pool)))
    async with noted.acquire() as conn:
        async with conn.transaction():
            await tenants_store.lock(conn, TENANT)
        held = await status(pool)
        async with conn.transaction():
            await audit_store.add(conn, TENANT, actor="Ana", action="x")
        written = await status(pool)
        await pool.execute("UPDATE idempotency_keys SET status = NULL")
        async with conn.transaction():
            await tenants_store.get(conn, TENANT)

    assert (held, written, await status(pool)) == (None, DONE, None)
