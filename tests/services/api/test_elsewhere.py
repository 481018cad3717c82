"""One account at Vindi, or one company at the issuer, at two tenants: said, and to be confirmed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import aiohttp
import pytest

from services.reconciler.app import create_app
from services.sandbox.run import Sandbox
from services.sandbox.vindi.account import Account
from shared.commands.checks import heard_from_outside
from shared.config.settings import ReconcilerSettings
from shared.db.connection import Pool
from shared.db.tenants import elsewhere_store
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.api.conftest import serving
from tests.services.api.support import RULE, TOKEN, Api, Reply, World, issuer_body


async def connect(world: World, tenant: TenantId, account: Account, where: str) -> Reply:
    body = {"api_key": account.keys[0].key, "environment": where}
    return await world.api.put(f"/tenants/{tenant}/vindi", body)


async def ready(
    world: World, account: Account, name: str, *, where: str = "production"
) -> TenantId:
    """A tenant that lacks nothing but its activation."""
    tenant = await world.api.tenant(name)
    for reply in (
        await connect(world, tenant, account, where),
        await world.connect_issuer(tenant),
        await world.api.put(f"/tenants/{tenant}/rule", RULE),
    ):
        assert reply.status == 200, reply.body
    return tenant


async def activate(world: World, tenant: TenantId, *confirm: str) -> Reply:
    body = {"confirm": list(confirm)} if confirm else None
    return await world.api.post(f"/tenants/{tenant}/activate", body)


def codes(reply: Reply) -> list[str]:
    return [warning["code"] for warning in reply.body["warnings"]]


async def unwell(world: World, tenant: TenantId, wanted: Sequence[str]) -> list[str]:
    health = await world.api.get(f"/tenants/{tenant}/health")
    checks = {check["code"]: check["status"] for check in health.body["checks"]}
    return [code for code in wanted if checks[code] != "ok"]


BOTH = ("vindi_account_elsewhere", "issuer_company_elsewhere")


async def test_one_vindi_account_at_a_second_tenant_is_told_and_must_be_confirmed(
    world: World,
) -> None:
    account = world.sandbox.vindi.create_account()
    first = await ready(world, account, "Empresa Matriz")
    assert (await activate(world, first)).status == 200
    second = await ready(world, account, "Empresa Filial")

    told = await connect(world, second, account, "production")
    refused = await activate(world, second)
    other = await activate(world, second, "issuer_company_elsewhere")
    before = await unwell(world, first, BOTH)
    taken = await activate(world, second, "vindi_account_elsewhere")

    assert codes(told) == ["vindi_account_elsewhere"]
    assert (refused.status, refused.code) == (409, "confirm_needed")
    assert refused.body["missing"] == ["vindi_account_elsewhere"]
    assert codes(refused) == ["vindi_account_elsewhere"]
    assert other.status == 409
    assert before == []
    assert (taken.status, taken.body["status"]) == (200, "active")
    for tenant in (first, second):
        assert await unwell(world, tenant, BOTH) == ["vindi_account_elsewhere"]


async def test_the_same_merchant_of_the_other_environment_is_another_account(world: World) -> None:
    account = world.sandbox.vindi.create_account()
    await ready(world, account, "Empresa Matriz")

    second = await ready(world, account, "Empresa de Testes", where="sandbox")

    assert codes(await connect(world, second, account, "sandbox")) == []
    assert (await activate(world, second)).status == 200


async def test_one_company_at_a_second_tenant_is_told_and_must_be_confirmed(world: World) -> None:
    key = world.sandbox.enotas.create_key()
    company = world.sandbox.enotas.create_company(key=key.key)
    first = await ready(world, world.sandbox.vindi.create_account(), "Empresa Matriz")
    second = await ready(world, world.sandbox.vindi.create_account(), "Empresa Filial")
    body = issuer_body(key.key, company.id)
    assert (await world.api.put(f"/tenants/{first}/issuer", body)).status == 200
    assert (await activate(world, first)).status == 200

    # Capitals say nothing: it is the same company.
    told = await world.api.put(
        f"/tenants/{second}/issuer", issuer_body(key.key, company.id.upper())
    )
    refused = await activate(world, second)
    taken = await activate(world, second, "issuer_company_elsewhere")

    assert "issuer_company_elsewhere" in codes(told)
    assert (refused.status, refused.body["missing"]) == (409, ["issuer_company_elsewhere"])
    assert taken.status == 200
    for tenant in (first, second):
        assert await unwell(world, tenant, BOTH) == ["issuer_company_elsewhere"]


async def test_an_active_tenant_does_not_slip_into_the_account_of_another(
    world: World, pool: Pool
) -> None:
    mine, theirs = world.sandbox.vindi.create_account(), world.sandbox.vindi.create_account()
    first = await ready(world, theirs, "Empresa Matriz")
    second = await ready(world, mine, "Empresa Filial")
    for tenant in (first, second):
        assert (await activate(world, tenant)).status == 200

    refused = await connect(world, second, theirs, "production")
    kept = await pool.fetchval(
        "SELECT merchant_id FROM vindi_connections WHERE tenant_id = $1", second
    )
    taken = await world.api.put(
        f"/tenants/{second}/vindi",
        {
            "api_key": theirs.keys[0].key,
            "environment": "production",
            "confirm": ["vindi_account_elsewhere"],
        },
    )

    assert (refused.status, refused.code) == (409, "confirm_needed")
    assert kept == mine.id
    assert taken.status == 200
    assert "vindi_account_elsewhere" in codes(taken)


@pytest.mark.parametrize("begins", [True, False])
async def test_two_that_go_to_one_account_at_once_see_each_other(
    world: World, pool: Pool, begins: bool
) -> None:
    """The other has done it and not committed; this one begins to issue, or goes there too."""
    theirs, mine = world.sandbox.vindi.create_account(), world.sandbox.vindi.create_account()
    other = await ready(world, mine, "Empresa Matriz")
    this = await ready(world, theirs if begins else mine, "Empresa Filial")
    for tenant in (other,) if begins else (other, this):
        assert (await activate(world, tenant, *BOTH)).status == 200

    async with pool.acquire() as conn, conn.transaction():
        await elsewhere_store.take_turn_any_tenant(conn)
        await conn.execute(
            "UPDATE vindi_connections SET merchant_id = $2 WHERE tenant_id = $1", other, theirs.id
        )
        asked = activate(world, this) if begins else connect(world, this, theirs, "production")
        asking = asyncio.create_task(asked)
        await asyncio.wait({asking}, timeout=0.3)
        waited = not asking.done()
    reply = await asking

    assert waited
    assert (reply.status, reply.code) == (409, "confirm_needed")
    assert reply.body["missing"] == ["vindi_account_elsewhere"]


async def test_a_key_of_another_merchant_is_warned_of_though_neither_has_a_document(
    world: World, pool: Pool
) -> None:
    # Both without a document, so that only the merchant tells them apart.
    mine = world.sandbox.vindi.create_account(registry_code="")
    other = world.sandbox.vindi.create_account(registry_code="")
    tenant = await ready(world, mine, "Empresa Matriz")
    told = await connect(world, tenant, other, "production")
    assert (await connect(world, tenant, mine, "production")).status == 200
    await world.sale(tenant, 2, SaleStatus.HELD, code="bill_not_found")

    same = await connect(world, tenant, mine, "production")

    assert codes(told) == ["vindi_account_changed"]
    assert (same.status, codes(same)) == (200, [])
    assert await world.due(tenant) == [2]  # looked for again with the account's own key


async def test_a_production_account_that_cannot_reach_us_is_told(
    settings: ReconcilerSettings, sandbox: Sandbox
) -> None:
    inside = replace(settings, public_webhook_url="http://127.0.0.1:8080")
    account = sandbox.vindi.create_account()
    async with (
        serving(create_app(inside)) as base,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        api = Api(base=base, http=http)
        tenant = await api.tenant()
        body = {"api_key": account.keys[0].key}
        path = f"/tenants/{tenant}/vindi"
        real = await api.put(path, body | {"environment": "production"})
        trial = await api.put(path, body | {"environment": "sandbox"})

    assert "webhook_url_not_public" in codes(real)
    assert "webhook_url_not_public" not in codes(trial)


@pytest.mark.parametrize(
    ("url", "heard"),
    [
        ("http://127.0.0.1:8080", False),
        ("http://localhost:8080", False),
        ("http://[::1]:8080", False),
        ("https://10.1.2.3", False),
        ("https://192.168.0.7:8443", False),
        ("https://notaponte", False),
        ("https://hooks.notaponte.internal", False),
        ("https://hooks.example.test", True),
        ("https://8.8.8.8", True),
    ],
)
def test_an_address_of_the_house_is_not_heard_from_outside(url: str, heard: bool) -> None:
    assert heard_from_outside(url) is heard
