"""Each of these alerts fires under its trouble, and what its runbook asks for is answered."""

import re
import shutil
from datetime import timedelta
from pathlib import Path
from time import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import pytest

from services.reconciler import depth_loop, watch_loop
from services.reconciler.privacy.forgetting import retention_round
from shared.db.connection import Connection, Pool
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from shared.telemetry.exposed import exposed
from tests.ops.caused import Trouble, section_of, shown
from tests.services.api.support import World
from tests.support.servers import PostgresForTests

if TYPE_CHECKING:
    from services.reconciler.services import Services

MISSING: Final = "no promtool: put one on the path (Debian: apt-get install prometheus)"
# Nobody takes up what the reconciler found, nobody reads, nobody delivers, nobody works on jobs.
STANDS_STILL: Final = """
    UPDATE outbox SET state = 'due', lane = 1, due_at = now() - interval '2 hours'
     WHERE bill_id = 1;
    INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark, refunds_mark)
    SELECT tenant_id, now() - interval '1 hour', now(), now(), now() FROM tenants
        ON CONFLICT (tenant_id) DO UPDATE
       SET next_pass_at = excluded.next_pass_at, lease_until = NULL;
    INSERT INTO webhook_deliveries (tenant_id, bill_id, type, payload, state, next_at)
    SELECT tenant_id, 1, 'sale', '{}', 'pending', now() - interval '2 hours' FROM tenants LIMIT 1;
    UPDATE backfills SET status = 'queued', lease_until = NULL, finished_at = NULL,
           not_before = NULL, requested_at = now() - interval '1 hour';
    INSERT INTO erasures (tenant_id, erasure_id, ticket, reason, asked_by, asked_at, failures,
                          turn_at, state)
    SELECT tenant_id, 'e1', 't', 'x', 'x', now() - interval '2 days', 3,
           now() + interval '1 hour', 'running' FROM tenants LIMIT 1;
"""
# A restore whose lists are not read, and notas that stay unknown after it.
RESTORED: Final = """
    INSERT INTO restores (restore_id, why, since, noticed_at, read_after)
    VALUES (1, 'told', now(), now() - interval '2 hours', now() - interval '2 hours');
    INSERT INTO restore_checks (tenant_id, restore_id, company_id, since_on, until_on, read_after)
    SELECT tenant_id, 1, lower(company_id), now(), now(), now() - interval '2 hours'
      FROM issuer_connections;
    INSERT INTO restore_finds (tenant_id, external_id, bill_id, restore_id, found_at)
    SELECT tenant_id, 'x1', 1, 1, now() FROM tenants LIMIT 1;
"""
MANY: Final = 21  # tenants, one more than an alert allows
TENANTS: Final = """
    INSERT INTO tenants (tenant_id, name, plan, timezone, status, active_from)
    SELECT 't' || lpad(n::text, 10, '0'), 'Escola ' || n, 'pro', 'America/Sao_Paulo', $2,
           CASE WHEN $2 = 'active' THEN now() END
      FROM generate_series(1, $1) AS n
"""
BREAKERS: Final = """
    INSERT INTO issuer_breakers (tenant_id, scope, cause, state, since)
    SELECT tenant_id, 'city', 'city_down', 'open', now() FROM tenants;
    INSERT INTO company_breakers (tenant_id, cause, state, since)
    SELECT tenant_id, 'denied_certificate', 'open', now() FROM tenants;
"""
SALES: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, origin)
    SELECT $1, n, $2, $3, 100, 'webhook' FROM generate_series($4::int, $5::int) AS n
"""
DONE_LATELY: Final = {
    ("notaponte_retention_done_timestamp_seconds", frozenset[tuple[str, str]]()): time()
}
END_ALL: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
GAUGES: Final = watch_loop.HealthGauges()  # of the whole process, as its metrics are
CALL: Final = re.compile(r'curl -sH "\$AUTH"\s+"\$(T|API)(/[^"]*)"')
LOOK: Final = re.compile(r"`M (\d+) (\w+)`")
STATEMENT: Final = re.compile(r"`(SELECT [^`]+)`")


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip(MISSING)
    return found


async def looked(conn: Connection) -> None:
    """What the reconciler's own loops do each half minute."""
    await depth_loop.look(conn)
    await depth_loop.count(conn)


async def judged(pool: Pool) -> None:
    services = SimpleNamespace(pool=pool, reconcile_every=timedelta(minutes=5))
    GAUGES.show(await watch_loop.look_at_all(cast("Services", services)))


async def follow(world: World, tenant: TenantId, alert: str) -> None:
    """Type what the section says, as it stands: each answers, and says something."""
    text = section_of(alert)
    scraped = exposed().decode()
    for port, part in LOOK.findall(text):
        if port == "8082":
            assert part in scraped, (alert, part)  # of what did not happen yet, its name alone
    for base, path in CALL.findall(text):
        reply = await world.api.get(f"/tenants/{tenant}{path}" if base == "T" else path)
        assert reply.status == 200, (alert, path, reply.body)
        assert reply.body, (alert, path)
    for statement in STATEMENT.findall(text):
        assert await world.pool.fetch(" ".join(statement.split())), (alert, statement)


async def test_what_nobody_takes_up_is_told_and_its_runbook_answers(
    world: World, promtool: str, tmp_path: Path
) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.QUEUED)
    asked: dict[str, Any] = {
        "since": "2026-01-01",
        "competencia": "today",
        "dry_run": True,
        "reason": "x",
        "requested_by": "ana",
    }
    reply = await world.api.post(f"/tenants/{tenant}/backfills", asked)
    assert reply.status in (201, 202), reply.body
    trouble = Trouble()

    async with world.pool.acquire() as conn, conn.transaction():  # before anybody can mend it
        await conn.execute(STANDS_STILL)
        await conn.execute(RESTORED)
        await looked(conn)

    alerts = [
        "NotaponteFoundSalesLate",
        "NotaponteReconcilerLate",
        "NotaponteStatusWebhooksLate",
        "NotaponteJobsWait",
        "NotapontePrivacyLate",
        "NotaponteRestoreWaits",
    ]
    assert not trouble.fires(promtool, tmp_path, alerts)
    assert not trouble.fires(promtool, tmp_path, ["NotaponteRestoreNotasUnknown"], minutes=7 * 60)
    for alert in (*alerts, "NotaponteRestoreNotasUnknown"):
        await follow(world, tenant, alert)


async def test_many_that_are_held_uncertain_or_stopped_are_told(
    world: World, promtool: str, tmp_path: Path
) -> None:
    tenant = await world.active_tenant()
    await world.pool.execute(TENANTS, MANY, "active")
    async with world.pool.acquire() as conn, conn.transaction():
        await looked(conn)
    trouble = Trouble()

    await world.pool.execute(SALES, tenant, "held", "no_rule", 1, 201)
    await world.pool.execute(SALES, tenant, "uncertain", None, 202, 204)
    await world.pool.execute(BREAKERS)
    async with world.pool.acquire() as conn, conn.transaction():
        await looked(conn)
    await judged(world.pool)

    alerts = [
        "NotaponteManySalesHeld",
        "NotaponteUncertainNotFalling",
        "NotaponteManyCompaniesStopped",
        "NotaponteManyTenantsBroken",
    ]
    assert not trouble.fires(promtool, tmp_path, alerts, minutes=45)
    for alert in alerts:
        await follow(world, tenant, alert)


async def test_tenants_that_are_being_set_up_wake_nobody(
    world: World, promtool: str, tmp_path: Path
) -> None:
    await world.pool.execute(TENANTS, MANY, "setting_up")
    trouble = Trouble()

    await judged(world.pool)

    assert trouble.fires(promtool, tmp_path, ["NotaponteManyTenantsBroken"])
    broken = {
        dict(labels)["check"]: value
        for (name, labels), value in shown().items()
        if name == "notaponte_tenants_by_check" and dict(labels)["status"] == "broken"
    }
    assert not broken.get("vindi_connection")
    assert not broken.get("issuer_connection")


async def test_an_api_whose_database_is_away_is_told_and_serves_once_it_is_back(
    world: World, postgres: PostgresForTests, database: str, promtool: str, tmp_path: Path
) -> None:
    tenant = await world.api.tenant()
    name = urlsplit(database).path.removeprefix("/")
    trouble = Trouble()

    await postgres.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await postgres.run(END_ALL.format(name=name))
    answers = [(await world.api.get(f"/tenants/{tenant}/health")).status for _ in range(15)]

    assert set(answers) <= {500, 503}  # a server that lets nobody in says it as an error of its own
    assert not trouble.fires(promtool, tmp_path, ["NotaponteRequestsFail"], minutes=30)
    await postgres.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert (await world.api.get(f"/tenants/{tenant}/health")).status == 200


async def test_retention_that_comes_to_no_end_for_days_is_told(
    world: World, promtool: str, tmp_path: Path
) -> None:
    before = Trouble(before=shown() | DONE_LATELY)
    services = SimpleNamespace(pool=world.pool, sealer=world.sealer, fiscal_years=5)
    assert await retention_round(cast("Services", services)) is None

    two_days_and_a_half = 60 * 60 + 13 * 60
    assert not before.fires(
        promtool, tmp_path, ["NotaponteRetentionStopped"], minutes=two_days_and_a_half
    )
    assert before.fires(promtool, tmp_path, ["NotaponteRetentionStopped"], minutes=30 * 60)
