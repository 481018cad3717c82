"""Deliveries to an address that was replaced are told in health; what strangers send is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.crypto import columns
from shared.crypto.tokens import hash_secret, new_tenant_id, new_webhook_secret
from shared.db.connection import Pool
from shared.db.tenants import secrets_store
from shared.db.vindi import watch_store
from shared.domain.ids import TenantId
from shared.watch.connection import ConnectionCheck, judge
from tests.services.webhook.conftest import Tenant, a_tenant, sealer, serving, settings_for
from tests.services.webhook.payloads import a_bill_event

VINDI = {"User-Agent": "Vindi-Hookshot/1.0"}
CONNECT = """
    INSERT INTO vindi_connections (tenant_id, environment, api_key, key_hint, merchant_name)
    VALUES ($1, 'sandbox', $2, '1234', 'Escola Aurora')
"""


async def health_of(
    pool: Pool, tenant: TenantId, code: str = "webhook_rejected"
) -> ConnectionCheck:
    async with pool.acquire() as conn:
        facts = await watch_store.facts(conn, tenant)
    assert facts is not None
    checks = judge(facts, every=timedelta(minutes=5))
    return next(check for check in checks if check.code == code)


async def test_refused_deliveries_of_vindi_are_told_and_then_what_to_do(
    pool: Pool, database: str, tenant: Tenant
) -> None:
    old, tenant = tenant.vindi, await with_new_secret(pool, tenant)
    key = columns.VINDI_KEY.seal(sealer(), tenant.id, b"a key of Vindi")
    await pool.execute(CONNECT, tenant.id, key)
    assert (await health_of(pool, tenant.id)).status == "ok"

    async with serving(settings_for(database)) as client:
        for _ in range(3):
            answer = await client.send(f"/v1/vindi/{old}", a_bill_event(1), headers=VINDI)
            assert answer.status == 404
    told = await health_of(pool, tenant.id)
    async with serving(settings_for(database)) as client:
        await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event(2), headers=VINDI)
    accepted = await health_of(pool, tenant.id)

    assert (told.status, "3" in told.message) == ("broken", True)
    assert accepted.status == "degraded"


async def test_strangers_are_nobodys_trouble(pool: Pool, database: str, tenant: Tenant) -> None:
    key = columns.VINDI_KEY.seal(sealer(), tenant.id, b"a key of Vindi")
    await pool.execute(CONNECT, tenant.id, key)
    leaked = await a_tenant(pool)
    async with pool.acquire() as conn:
        await secrets_store.revoke_all(conn, leaked.id, "vindi", datetime.now(UTC))
    async with serving(settings_for(database)) as client:
        for secret in (
            new_webhook_secret(tenant.id),
            tenant.vindi[:-1],
            tenant.enotas,
            new_webhook_secret(new_tenant_id()),
            leaked.vindi,
        ):
            for _ in range(3):
                answer = await client.send(f"/v1/vindi/{secret}", b"{}", headers=VINDI)
                assert answer.status == 404

    assert await pool.fetchval("SELECT count(*) FROM webhook_rejections") == 0
    assert (await health_of(pool, tenant.id)).status == "ok"


async def with_new_secret(pool: Pool, tenant: Tenant) -> Tenant:
    """The tenant after its address was replaced and the old one's days are over."""
    newest = new_webhook_secret(tenant.id)
    async with pool.acquire() as conn:
        await secrets_store.expire_current(conn, tenant.id, "vindi", datetime.now(UTC))
        await secrets_store.add(
            conn, tenant.id, "vindi", secret_hash=hash_secret(newest), sealed=None
        )
    return replace(tenant, vindi=newest)


async def test_more_of_a_tenant_than_is_kept_on_a_day_is_refused_and_told(
    pool: Pool, database: str, tenant: Tenant
) -> None:
    key = columns.VINDI_KEY.seal(sealer(), tenant.id, b"a key of Vindi")
    await pool.execute(CONNECT, tenant.id, key)
    other = await a_tenant(pool)
    few = replace(settings_for(database), events_per_day=3)
    async with serving(few) as client:
        answers = [
            await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event(bill)) for bill in range(5)
        ]
        others = await client.send(f"/v1/vindi/{other.vindi}", a_bill_event(1))
    async with serving(replace(few, events_per_day=1000, event_mib_per_day=0)) as client:
        heavy = await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event(9))

    assert [answer.status for answer in answers] == [200, 200, 200, 503, 503]
    assert (others.status, heavy.status) == (200, 503)
    assert await pool.fetchval("SELECT count(*) FROM events") == 4
    told = await health_of(pool, tenant.id, "webhook_flood")
    assert told.status == "degraded"
    assert "mais eventos" in told.message
    assert (await health_of(pool, tenant.id, "vindi_lists_odd")).status == "ok"
