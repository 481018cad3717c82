"""Backfills as support asks for them."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from shared.api_client.models import BackfillNew
from shared.config.env import SettingsError
from shared.domain.ids import TenantId
from shared.ops.backfill import run_backfill
from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.api.support import RULE, TOKEN, World

__all__ = ["api", "sandbox", "settings", "world"]

DRY: BackfillNew = {
    "since": "2026-06-01",
    "until": "2026-06-30",
    "dry_run": True,
    "competencia": "original",
    "requested_by": "Ana",
    "reason": "chamado 4711",
}
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


async def a_tenant_with_sales(world: World, sandbox: Sandbox, count: int = 3) -> TenantId:
    tenant = await world.api.tenant()
    assert (await world.connect_vindi(tenant)).status == 200
    await world.api.put(f"/tenants/{tenant}/rule", RULE)
    account = list(sandbox.vindi.accounts.values())[-1]
    for number in range(count):
        at = f"2026-06-{number + 1:02d}T12:00:00-03:00"
        operations.sale(account, amount="100.00", paid_at=at, known_at=at, events=False)
    return tenant


async def test_a_dry_run_is_queued_worked_on_and_shown(world: World, sandbox: Sandbox) -> None:
    tenant = await a_tenant_with_sales(world, sandbox)

    queued = await world.api.post(f"/tenants/{tenant}/backfills", DRY)

    assert queued.status == 202
    assert queued.body["status"] == "queued"
    assert queued.headers["Location"] == f"/internal/v1/backfills/{queued.body['id']}"
    shown = await until_ended(world, queued.body["id"])
    assert shown["status"] == "completed"
    assert shown["bills_total"] == shown["bills_read"] == shown["new"] == 3
    assert shown["outcomes"] == {"issue": 3, "wait": 0, "hold": {}, "skip": {}}
    assert shown["amount_to_issue"] == "300.00"
    assert shown["months"] == [{"month": "2026-06", "bills": 3, "amount": "300.00"}]
    listed = await world.api.get(f"/tenants/{tenant}/backfills?limit=1")
    assert listed.body == {"items": [shown], "next": None}


async def test_a_preview_decides_under_a_rule_that_is_not_in_force(
    world: World, sandbox: Sandbox
) -> None:
    tenant = await a_tenant_with_sales(world, sandbox)
    body = {"rule": {"issue_when": "never"}, "since": "2026-06-01"}

    queued = await world.api.post(f"/tenants/{tenant}/rule/preview", body)

    assert queued.status == 202
    shown = await until_ended(world, queued.body["id"])
    assert shown["dry_run"] is True
    assert shown["outcomes"]["skip"] == {"rule_never": 3}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"since": TOMORROW, "until": None}, 422, "since_in_future"),
        ({"since": "2026-06-01", "until": "2026-05-31"}, 422, "until_before_since"),
        ({"since": "9999-12-31", "until": None}, 422, "since_in_future"),
        ({"until": "0001-01-01"}, 422, "until_before_since"),
        ({"until": "9999-12-31"}, 422, "invalid_request"),
        ({"since": "1999-12-31"}, 422, "since_too_old"),
        ({"since": "0001-01-01"}, 422, "since_too_old"),
        ({"since": "2026-06-01T12:00:00"}, 422, "invalid_request"),
        ({"since": None}, 422, "invalid_request"),
        ({"since": "2026-02-30"}, 422, "invalid_request"),
        ({"since": "June"}, 422, "invalid_request"),
        ({"since": 20260601}, 422, "invalid_request"),
        ({"competencia": "yesterday"}, 422, "invalid_request"),
        ({"reason": " "}, 422, "invalid_request"),
    ],
)
async def test_bad_requests_are_refused_with_their_code(
    world: World, sandbox: Sandbox, change: dict[str, Any], status: int, code: str
) -> None:
    tenant = await a_tenant_with_sales(world, sandbox, 0)

    reply = await world.api.post(f"/tenants/{tenant}/backfills", {**DRY, **change})

    assert (reply.status, reply.code) == (status, code)


async def test_plan_setup_and_tenant_are_asked_for(world: World) -> None:
    tenant = await world.api.tenant()

    unconnected = await world.api.post(f"/tenants/{tenant}/backfills", DRY)
    await world.api.call("PATCH", f"/tenants/{tenant}", {"plan": "basic"})
    basic = await world.api.post(f"/tenants/{tenant}/backfills", DRY)
    unknown = await world.api.post("/tenants/tzzzzzzzzzz/backfills", DRY)

    assert (unconnected.status, unconnected.code) == (409, "setup_incomplete")
    assert unconnected.body["missing"] == ["vindi"]
    assert (basic.status, basic.code) == (403, "plan_required")
    assert (unknown.status, unknown.code) == (404, "tenant_unknown")


async def test_only_one_runs_at_a_time_and_the_other_is_named(
    world: World, sandbox: Sandbox
) -> None:
    tenant = await a_tenant_with_sales(world, sandbox)
    list(sandbox.vindi.accounts.values())[-1].rate.limit = 0

    first = await world.api.post(f"/tenants/{tenant}/backfills", DRY)
    second = await world.api.post(f"/tenants/{tenant}/backfills", DRY)
    cancelled = await world.api.post(f"/backfills/{first.body['id']}/cancel")
    again = await world.api.post(f"/backfills/{first.body['id']}/cancel")

    assert (second.status, second.code) == (409, "backfill_running")
    assert second.body["backfill_id"] == first.body["id"]
    assert (cancelled.status, cancelled.body["status"]) == (202, "cancelled")
    assert again.status == 202
    assert (await world.api.post(f"/tenants/{tenant}/backfills", DRY)).status == 202


async def test_the_same_key_asks_for_one_backfill(world: World, sandbox: Sandbox) -> None:
    tenant = await a_tenant_with_sales(world, sandbox)
    path, key = f"/tenants/{tenant}/backfills", {"Idempotency-Key": "k-1"}

    first = await world.api.post(path, DRY, headers=key)
    second = await world.api.post(path, DRY, headers=key)

    assert (second.status, second.body) == (first.status, first.body)


async def test_a_backfill_nobody_asked_for_is_unknown(world: World) -> None:
    for backfill in ("nonsense", "tabcdefghij-0123456789", "tabcdefghij-%00123456789"):
        reply = await world.api.get(f"/backfills/{backfill}")
        assert (reply.status, reply.code) == (404, "backfill_unknown")


async def test_an_ended_backfill_cannot_be_cancelled(world: World, sandbox: Sandbox) -> None:
    tenant = await a_tenant_with_sales(world, sandbox)
    queued = await world.api.post(f"/tenants/{tenant}/backfills", DRY)
    await until_ended(world, queued.body["id"])

    reply = await world.api.post(f"/backfills/{queued.body['id']}/cancel")

    assert (reply.status, reply.code) == (409, "backfill_finished")


async def test_the_command_watches_a_backfill_to_its_end(world: World, sandbox: Sandbox) -> None:
    tenant = await a_tenant_with_sales(world, sandbox)
    env = {"INTERNAL_URL": world.api.base, "INTERNAL_API_TOKEN": f"support:{TOKEN}"}
    output = io.StringIO()

    done = await run_backfill(env, tenant, DRY, Console(file=output, width=100))
    refused = await run_backfill(
        env, tenant, {**DRY, "since": TOMORROW}, Console(file=output, width=100)
    )

    assert done == 0
    assert "300.00" in output.getvalue()
    assert refused == 1


@pytest.mark.parametrize(
    ("tenant", "code", "word"),
    [
        ("", 2, "TENANT="),
        ("tzzzzzzzzzz", 1, "tenant_unknown"),
        ("../tenants", 1, "not_found"),
        ("a/b?c#d", 1, "not_found"),
    ],
)
async def test_the_command_says_so_when_there_is_no_such_tenant(
    world: World, capsys: pytest.CaptureFixture[str], tenant: str, code: int, word: str
) -> None:
    env = {"INTERNAL_URL": world.api.base, "INTERNAL_API_TOKEN": f"support:{TOKEN}"}

    assert await run_backfill(env, tenant, DRY, Console(file=io.StringIO())) == code

    assert word in capsys.readouterr().err


async def test_the_command_refuses_an_address_that_is_none() -> None:
    env = {"INTERNAL_URL": "backfill.example", "INTERNAL_API_TOKEN": f"support:{TOKEN}"}

    with pytest.raises(SettingsError) as refused:
        await run_backfill(env, "tzzzzzzzzzz", DRY, Console(file=io.StringIO()))

    assert "INTERNAL_URL" in str(refused.value.problems)


async def test_a_command_that_is_interrupted_says_that_the_backfill_goes_on(
    world: World, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant = await a_tenant_with_sales(world, sandbox)
    list(sandbox.vindi.accounts.values())[-1].rate.limit = 0
    env = {"INTERNAL_URL": world.api.base, "INTERNAL_API_TOKEN": f"support:{TOKEN}"}
    output = io.StringIO()
    command = asyncio.create_task(run_backfill(env, tenant, DRY, Console(file=output)))
    async with asyncio.timeout(60):
        while "backfill t" not in output.getvalue():
            await asyncio.sleep(0.05)
    command.cancel()

    with pytest.raises(asyncio.CancelledError):
        await command

    assert "goes on without this command" in capsys.readouterr().err
    listed = await world.api.get(f"/tenants/{tenant}/backfills")
    assert listed.body["items"][0]["status"] in {"queued", "running"}


async def until_ended(world: World, backfill: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            shown = await world.api.get(f"/backfills/{backfill}")
            assert shown.status == 200
            body: dict[str, Any] = shown.body
            if body["status"] in {"completed", "failed", "cancelled"}:
                return body
            await asyncio.sleep(0.1)
