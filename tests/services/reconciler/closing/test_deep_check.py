import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.reconciler.accounts import read_list
from services.reconciler.deep_check import check as deep_check
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from shared.db.privacy import erase_rows
from shared.db.vindi import bills_store
from shared.domain.closing import Month
from shared.domain.ids import BillId, TenantId
from shared.domain.privacy.bare import bare_bill
from shared.vindi.stored import open_bill, seal_bill
from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.api.support import RULE, World

__all__ = ["api", "sandbox", "settings", "world"]  # fixtures


async def a_tenant_with_history(world: World) -> tuple[TenantId, Account]:
    """A connected tenant whose account is left alone: no pass is due for a year."""
    account = world.sandbox.vindi.create_account()
    account.rate.limit = None
    tenant = await world.api.tenant()
    body = {"api_key": account.keys[0].key, "environment": "production"}
    await world.api.put(f"/tenants/{tenant}/rule", RULE)
    async with world.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark,"
            " refunds_mark) VALUES ($1, now() + interval '1 year', now(), now(), now())",
            tenant,
        )
    assert (await world.api.put(f"/tenants/{tenant}/vindi", body)).status == 200
    return tenant, account


def sold(account: Account, at: datetime) -> int:
    buyer = operations.create_example_customer(account)
    bill = operations.sale(
        account, customer_id=buyer.id, amount="179.90", paid_at=at.timestamp(), events=False
    )
    return bill.id


async def checked(world: World, path: str) -> Any:
    """Ask for a check and wait for its end."""
    asked = await world.api.post(f"{path}/check")
    assert asked.status == 202, asked.body
    async with asyncio.timeout(60):
        while True:
            seen = await world.api.get(f"{path}/check")
            if seen.body["status"] in ("completed", "failed"):
                return seen.body
            await asyncio.sleep(0.05)


async def test_a_deep_check_finds_what_was_never_read_and_what_changed_unseen(
    world: World,
) -> None:
    tenant, account = await a_tenant_with_history(world)
    now = datetime.fromtimestamp(int(world.sandbox.clock.now()), UTC)
    month = Month.of(now, ZoneInfo("America/Sao_Paulo"))
    first = month.bounds(ZoneInfo("America/Sao_Paulo"))[0]
    bills = [sold(account, now), sold(account, now), sold(account, first - timedelta(days=1))]
    closing, path = f"/tenants/{tenant}/closing?month={month}", f"/tenants/{tenant}/closing/{month}"

    before = await world.api.get(closing)
    first_check = await checked(world, path)
    after = await world.api.get(closing)
    operations.refund(account, bill_id=bills[0], amount="50.00", events=False)
    second_check = await checked(world, path)

    assert before.body["vindi"]["missing"] == 2
    assert (first_check["status"], first_check["found"]) == ("completed", 2)
    assert after.body["vindi"] == {**after.body["vindi"], "bills": 2, "missing": 0}
    assert after.body["exceptions"] == [
        {"code": "not_decided", "status": "queued", "bills": 2, "amount": "359.80"}
    ]
    assert (second_check["bills_total"], second_check["bills_read"]) == (2, 2)
    assert (second_check["differed"], second_check["found"]) == (1, 0)


async def test_a_check_without_an_account_says_why_it_failed(world: World) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}/closing/2026-11"

    never = await world.api.get(f"{path}/check")
    failed = await checked(world, path)

    assert (never.status, never.code) == (404, "check_unknown")
    assert (failed["status"], failed["error"]) == ("failed", "vindi_not_connected")


async def test_a_check_that_is_open_is_not_asked_for_twice(world: World) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}/closing/2026-11/check"
    async with world.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO closing_checks (tenant_id, month, requested_by, not_before)"
            " VALUES ($1, '2026-11-01', 'support', now() + interval '1 hour')",
            tenant,
        )

    again = await world.api.post(path)

    assert (again.status, again.code) == (409, "check_running")


async def test_a_list_that_never_ends_fails_the_check_and_says_why(world: World) -> None:
    tenant, account = await a_tenant_with_history(world)
    now = datetime.fromtimestamp(int(world.sandbox.clock.now()), UTC)
    month = Month.of(now, ZoneInfo("America/Sao_Paulo"))
    sold(account, now)
    account.faults.change({"lists_without_total": ["all"], "repeat_pages": ["all"]})

    check = await checked(world, f"/tenants/{tenant}/closing/{month}")

    assert (check["status"], check["error"]) == ("failed", "rows_omitted")
    assert len(account.journal) < 100


@pytest.mark.parametrize("known", [False, True])
async def test_a_bill_that_is_never_shown_hides_no_other_of_the_month(
    world: World, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(read_list, "PAUSES", (0.001, 0.001, 0.001))
    monkeypatch.setattr(deep_check, "AFTER_FAILURE", timedelta(milliseconds=1))
    tenant, account = await a_tenant_with_history(world)
    now = datetime.fromtimestamp(int(world.sandbox.clock.now()), UTC)
    month = Month.of(now, ZoneInfo("America/Sao_Paulo"))
    path = f"/tenants/{tenant}/closing/{month}"
    await world.api.put(f"/tenants/{tenant}/rule", {**RULE, "issue_when": "bill_created"})
    bills = [sold(account, now) for _ in range(5)]
    if known:
        await checked(world, path)
        bills.append(sold(account, now))
    account.faults.change({"broken_rows": {f"bills/{bills[2]}"}})

    check = await checked(world, path)

    assert (check["status"], check["error"]) == ("failed", "rows_omitted")
    async with world.pool.acquire() as conn:
        rows = await conn.fetch("SELECT bill_id FROM outbox WHERE tenant_id = $1", tenant)
    assert {row["bill_id"] for row in rows} == set(bills)


async def test_a_bill_whose_customer_was_erased_stays_bare_where_nothing_else_differs(
    world: World,
) -> None:
    tenant, account = await a_tenant_with_history(world)
    now = datetime.fromtimestamp(int(world.sandbox.clock.now()), UTC)
    month = Month.of(now, ZoneInfo("America/Sao_Paulo"))
    bills = [BillId(sold(account, now)), BillId(sold(account, now))]
    path = f"/tenants/{tenant}/closing/{month}"
    await checked(world, path)
    sealer = world.sealer
    async with world.pool.acquire() as conn:
        before = await bills_store.load(conn, tenant, bills)
        bare = [bare_bill(open_bill(sealer, tenant, bill, before[bill].body).raw) for bill in bills]
        bodies = [
            (bill, seal_bill(sealer, tenant, bill, raw))
            for bill, raw in zip(bills, bare, strict=True)
        ]
        await erase_rows.write_bills(conn, tenant, bodies)
    operations.refund(account, bill_id=bills[1], amount="50.00", events=False)

    second = await checked(world, path)

    async with world.pool.acquire() as conn:
        after = await bills_store.load(conn, tenant, bills)
    names = [
        open_bill(sealer, tenant, bill, after[bill].body).value.customer_name for bill in bills
    ]
    assert (second["status"], second["differed"]) == ("completed", 1)
    assert after[bills[0]].read_at > before[bills[0]].read_at
    assert names[0] == ""
    assert names[1] != ""  # its sale is decided anew, and needs it
