"""Asking for erasures, and having them done."""

from shared.commands.privacy.erase import ErasureAsked, Subject, ask_erasure, step_erasure
from shared.db.privacy import erasures_store
from shared.db.privacy.erasures_store import Erasure
from tests.privacy.person import TENANT, Rows

ASKED = ErasureAsked(ticket="DESK-17", reason="pedido do titular", by="support")


async def ask(rows: Rows, subject: Subject) -> Erasure:
    async with rows.pool.acquire() as conn, conn.transaction():
        return await ask_erasure(conn, rows.sealer, TENANT, subject, ASKED)


async def erased(rows: Rows, subject: Subject) -> Erasure:
    return await done_with(rows, await ask(rows, subject))


async def run_again(rows: Rows, erasure: Erasure) -> Erasure:
    await rows.pool.execute("UPDATE erasures SET turn_at = now()")
    return await done_with(rows, erasure)


async def done_with(rows: Rows, erasure: Erasure) -> Erasure:
    for _ in range(200):
        if not await step_erasure(rows.pool, rows.sealer, TENANT, erasure.id):
            break
    async with rows.pool.acquire() as conn:
        found = await erasures_store.get(conn, TENANT, erasure.id)
    assert found is not None
    assert found.state == "completed"
    return found
