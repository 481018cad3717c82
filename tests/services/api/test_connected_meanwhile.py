"""A key is looked at for a while, and somebody else connects the tenant meanwhile."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.vindi.app import VindiApp
from services.sandbox.wire import Answer, Call
from shared.db.tenants import connections_store
from shared.domain.ids import TenantId
from tests.services.api.support import Reply, World, issuer_body


def while_looked_at(
    monkeypatch: pytest.MonkeyPatch, where: type, happens: Callable[[], Awaitable[Reply]]
) -> list[Reply]:
    """Have something happen before an answer of a stand-in leaves; what was said of it.

    At Vindi the last: until the first is there an account's other requests wait for it.
    """
    real: Any = where._answer  # type: ignore[attr-defined]  # `handle` is served already
    said: list[Reply] = []
    begun: list[Call] = []

    async def first() -> None:
        said.append(await happens())

    def told(app: Any, call: Call, *more: Any) -> Answer:
        answer: Answer = real(app, call, *more)
        if begun or (where is VindiApp and call.segments[-1:] != ["invoices"]):
            return answer
        begun.append(call)
        return replace(answer, first=first)

    monkeypatch.setattr(where, "_answer", told)
    return said


async def vindi(world: World, tenant: TenantId, key: str) -> Reply:
    body = {"api_key": key, "environment": "production"}
    return await world.api.put(f"/tenants/{tenant}/vindi", body)


@pytest.mark.parametrize("connected_before", [False, True])
async def test_of_two_accounts_the_one_that_was_connected_meanwhile_stands(
    world: World, monkeypatch: pytest.MonkeyPatch, connected_before: bool
) -> None:
    tenant = await world.api.tenant("Empresa")
    slow, quick = (world.sandbox.vindi.create_account() for _ in range(2))
    if connected_before:
        assert (await vindi(world, tenant, slow.keys[0].key)).status == 200
    said = while_looked_at(monkeypatch, VindiApp, lambda: vindi(world, tenant, quick.keys[0].key))

    late = await vindi(world, tenant, slow.keys[0].key)

    assert [one.status for one in said] == [200]
    assert (late.status, late.code) == (409, "connected_meanwhile")
    async with world.pool.acquire() as conn:
        kept = await connections_store.get_vindi(conn, world.sealer, tenant)
    assert kept is not None
    assert kept.api_key.reveal() == quick.keys[0].key
    assert (await vindi(world, tenant, slow.keys[0].key)).status == 200  # it was meant all the same


async def test_a_call_that_is_repeated_while_it_runs_is_done_once_and_well_both_times(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await world.api.tenant("Empresa")
    key = world.sandbox.vindi.create_account().keys[0].key
    said = while_looked_at(monkeypatch, VindiApp, lambda: vindi(world, tenant, key))

    assert (await vindi(world, tenant, key)).status == 200
    assert [one.status for one in said] == [200]


async def test_of_two_companies_the_one_that_was_connected_meanwhile_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await world.api.tenant("Empresa")
    assert (await world.connect_issuer(tenant)).status == 200
    keys = [world.sandbox.enotas.create_key().key for _ in range(2)]
    slow, quick = (world.sandbox.enotas.create_company(key=key) for key in keys)

    async def meanwhile() -> Reply:
        return await world.api.put(f"/tenants/{tenant}/issuer", issuer_body(keys[1], quick.id))

    said = while_looked_at(monkeypatch, EnotasApp, meanwhile)

    late = await world.api.put(f"/tenants/{tenant}/issuer", issuer_body(keys[0], slow.id))

    assert [one.status for one in said] == [200]
    assert (late.status, late.code) == (409, "connected_meanwhile")
    kept = await world.pool.fetchval("SELECT company_id FROM issuer_connections")
    assert kept == quick.id
