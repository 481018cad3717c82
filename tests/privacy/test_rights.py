"""A service does all of this as the role it has, which takes nothing from the audit by itself."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from shared.commands.checks import SetUpRefused
from shared.commands.privacy.depart import (
    ask_departure,
    cancel_departure,
    demand_staying,
    step_departure,
)
from shared.commands.privacy.erase import ErasureAsked, Subject, ask_erasure, step_erasure
from shared.commands.privacy.retention import Round, sweep_once
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import Pool, open_pool
from shared.db.one_tenant import pool_of
from shared.domain.ids import CustomerId, TenantId
from shared.local.postgres import SERVICES
from tests.privacy.person import DORA, TENANT, Rows
from tests.support.servers import PostgresForTests

PASSWORD = "of-a-test"
OTHER = TenantId("tzzzzzzzzzz")


@pytest_asyncio.fixture
async def services(postgres: PostgresForTests, database: str) -> AsyncIterator[Pool]:
    """A pool on the test's database as a service has it."""
    name = f"privacy_{urlsplit(database).path.rpartition('_')[2]}"
    await postgres.run(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' IN ROLE {SERVICES}")
    parts = urlsplit(database)
    place = f"{name}:{PASSWORD}@{parts.hostname}:{parts.port}"
    url = Secret.of(urlunsplit(parts._replace(netloc=place)))
    settings = DatabaseSettings(url=url, pool_size=3, pooler="none")
    async with open_pool(settings, application="tests") as opened:
        yield opened
    await postgres.run(f"DROP ROLE {name}")


async def test_erasing_sweeping_and_deleting_need_no_more_than_a_service_may(
    services: Pool, rows: Rows
) -> None:
    await rows.everywhere(DORA, 4000)
    await rows.reasons(DORA)
    async with services.acquire() as conn, conn.transaction():
        subject = Subject(customer_id=CustomerId(DORA.customer_id))
        asked = ErasureAsked(ticket="DESK-17", reason="pedido", by="support")
        erasure = await ask_erasure(conn, rows.sealer, TENANT, subject, asked)
    while await step_erasure(services, rows.sealer, TENANT, erasure.id):
        pass
    await sweep_once(
        Round(pool=services, sealer=rows.sealer, years=5, ended=lambda _what, _rows: None)
    )
    async with services.acquire() as conn, conn.transaction():
        await ask_departure(
            conn,
            rows.sealer,
            TENANT,
            name="Escola Aurora",
            reason="contrato encerrado",
            days=30,
            by="support",
        )
    with pytest.raises(asyncpg.CheckViolationError):
        await services.fetchval("SELECT forget_audit_of_departed($1, 10)", TENANT)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await services.execute("DELETE FROM audit WHERE tenant_id = $1", TENANT)
    await rows.pool.execute("UPDATE departures SET delete_at = asked_at, turn_at = asked_at")
    while await step_departure(services, TENANT):
        pass

    assert await rows.pool.fetchval("SELECT state FROM departures") == "deleted"
    left = await rows.pool.fetchval("SELECT count(*) FROM audit WHERE tenant_id = $1", TENANT)
    assert left == 0


FORGED = {
    "whose day has come": "INSERT INTO departures (tenant_id, reason, asked_by, asked_at,"
    " delete_at, state, turn_at) VALUES ($1, 'x', 'x', now() - interval '60 days', now(),"
    " 'deleting', now())",
    "whose day is near": "INSERT INTO departures (tenant_id, reason, asked_by, asked_at, delete_at,"
    " state, turn_at) VALUES ($1, 'x', 'x', now(), now() + interval '1 day', 'waiting', now())",
    "whose day is moved": "UPDATE departures SET delete_at = now() WHERE tenant_id = $1",
    "whose tenant is another": "UPDATE departures SET tenant_id = $1",
    "before its day": "UPDATE departures SET state = 'deleting' WHERE tenant_id = $1",
}


@pytest.mark.parametrize("what", FORGED)
@pytest.mark.parametrize("panel", [False, True])
async def test_a_service_cannot_make_a_tenants_day_come(
    services: Pool, rows: Rows, what: str, panel: bool
) -> None:
    await a_departure(rows, "waiting", "30 days")
    if "INSERT" in FORGED[what]:
        await rows.pool.execute("DELETE FROM departures")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with (pool_of(services, TENANT) if panel else services).acquire() as conn:
            await conn.execute(FORGED[what], TENANT)


@pytest.mark.parametrize("state", ["cancelled", "deleted"])
async def test_a_service_brings_no_departure_back_that_is_over(
    services: Pool, rows: Rows, state: str
) -> None:
    await a_departure(rows, state, "-1 days")

    changed = await services.execute("UPDATE departures SET state = 'deleting'")
    with pytest.raises(asyncpg.CheckViolationError):
        await services.fetchval("SELECT forget_audit_of_departed($1, 10)", TENANT)
    gone = await services.execute("DELETE FROM departures")

    assert changed == "UPDATE 0"
    assert gone == ("DELETE 1" if state == "cancelled" else "DELETE 0")


async def test_who_took_it_back_may_ask_once_more(services: Pool, rows: Rows) -> None:
    for _ in range(2):
        async with services.acquire() as conn, conn.transaction():
            asked = await ask_departure(
                conn, rows.sealer, TENANT, name="Escola Aurora", reason="fim", days=7, by="Ana"
            )
        async with services.acquire() as conn, conn.transaction():
            with pytest.raises(SetUpRefused, match="leaves already"):
                await ask_departure(
                    conn, rows.sealer, TENANT, name="Escola Aurora", reason="x", days=7, by="Ana"
                )
        async with services.acquire() as conn, conn.transaction():
            back = await cancel_departure(conn, TENANT, by="Ana")
        async with services.acquire() as conn:
            await demand_staying(conn, TENANT)

    assert (asked.state, back.state) == ("waiting", "cancelled")


async def a_departure(rows: Rows, state: str, when: str) -> None:
    await rows.pool.execute(
        "INSERT INTO departures (tenant_id, reason, asked_by, asked_at, delete_at, state, turn_at)"
        " VALUES ($1, 'x', 'Ana', now() - interval '60 days', now() + $3::text::interval, $2,"
        " now())",
        TENANT,
        state,
        when,
    )


async def test_nobody_takes_lines_of_a_tenant_that_stays(services: Pool, rows: Rows) -> None:
    other = Rows(pool=rows.pool, sealer=rows.sealer, tenant=OTHER)
    await other.a_tenant()
    await rows.pool.execute(
        "INSERT INTO departures (tenant_id, reason, asked_by, asked_at, delete_at, state, turn_at)"
        " VALUES ($1, 'x', 'Ana', now(), now(), 'deleting', now())",
        TENANT,
    )
    for tenant in (TENANT, OTHER):
        await rows.pool.execute(
            "INSERT INTO audit (tenant_id, actor, action) VALUES ($1, 'Ana', 'x')", tenant
        )

    assert await services.fetchval("SELECT forget_audit_of_departed($1, 10)", TENANT) == 1
    with pytest.raises(asyncpg.CheckViolationError):
        await services.fetchval("SELECT forget_audit_of_departed($1, 10)", OTHER)
    assert await rows.pool.fetchval("SELECT count(*) FROM audit") == 1


async def test_a_page_of_one_tenant_sees_no_erasure_of_another(services: Pool, rows: Rows) -> None:
    for tenant in (TENANT, OTHER):
        await rows.pool.execute(
            "INSERT INTO erasures (tenant_id, erasure_id, ticket, reason, asked_by, asked_at,"
            " turn_at) VALUES ($1, 'e0123456789', 'x', 'x', 'Ana', now(), now())",
            tenant,
        )

    async with pool_of(services, OTHER).acquire() as conn:
        seen = [row["tenant_id"] for row in await conn.fetch("SELECT tenant_id FROM erasures")]

    assert seen == [OTHER]
