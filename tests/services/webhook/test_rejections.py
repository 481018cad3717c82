"""Deliveries of Vindi under a wrong secret are told in the health of the tenant they name."""

from datetime import timedelta

from shared.crypto.tokens import new_tenant_id, new_webhook_secret
from shared.db.connection import Pool
from shared.db.tenants.connections_store import VINDI_KEY
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


async def health_of(pool: Pool, tenant: TenantId) -> ConnectionCheck:
    async with pool.acquire() as conn:
        facts = await watch_store.facts(conn, tenant)
    assert facts is not None
    checks = judge(facts, every=timedelta(minutes=5))
    return next(check for check in checks if check.code == "webhook_rejected")


async def test_refused_deliveries_of_vindi_are_told_and_then_what_to_do(
    pool: Pool, database: str, tenant: Tenant
) -> None:
    old = new_webhook_secret(tenant.id)
    key = sealer().seal(b"a key of Vindi", tenant=tenant.id, purpose=VINDI_KEY)
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


async def test_strangers_and_made_up_tenants_are_nobodys_trouble(
    pool: Pool, database: str, tenant: Tenant
) -> None:
    other = await a_tenant(pool)
    async with serving(settings_for(database)) as client:
        await client.send(f"/v1/vindi/{new_webhook_secret(other.id)}", b"{}")  # no agent of Vindi
        await client.send(f"/v1/vindi/{new_webhook_secret(new_tenant_id())}", b"{}", headers=VINDI)
        await client.send(f"/v1/vindi/{new_webhook_secret(tenant.id)}", b"{}", headers=VINDI)

    rows = await pool.fetch("SELECT tenant_id, rejections FROM webhook_rejections")
    assert [tuple(row) for row in rows] == [(tenant.id, 1)]
