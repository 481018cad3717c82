"""A service does all of this as the role it has, which takes nothing from the audit by itself."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from shared.commands.privacy.depart import ask_departure, step_departure
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
