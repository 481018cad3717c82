"""What happened last Tuesday: events, decisions, notas and people's acts, by their time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from shared.db.sales import timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import audit_store
from shared.db.vindi import events_store
from shared.db.vindi.events_store import StoredEvent
from shared.domain.ids import BillId, TenantId
from tests.services.api.support import World


def window(hours: int = 1) -> dict[str, str]:
    now = datetime.now(UTC)
    since, until = now - timedelta(hours=hours), now + timedelta(minutes=5)
    return {"since": since.isoformat(), "until": until.isoformat()}


async def whole(world: World, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every page of a list."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = await world.api.get(f"{path}?{urlencode({**query, **more})}")
        assert answer.status == 200, answer.body
        items += answer.body["items"]
        cursor = answer.body["next"]
        if cursor is None:
            return items


async def partitions_are_there(world: World) -> None:
    """The API's own loop makes them at its start; an event before that is in a day's way."""
    days = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"
    async with asyncio.timeout(30):
        while await world.pool.fetchval(days) < 8:
            await asyncio.sleep(0.02)


async def lived(world: World) -> TenantId:
    await partitions_are_there(world)
    tenant = await world.api.tenant()
    async with world.pool.acquire() as conn, conn.transaction():
        bill = BillId(4711)
        events = [
            StoredEvent(
                tenant_id=tenant,
                source="vindi",
                type="bill_paid",
                bill_id=bill,
                event_at=None,
                flag=None,
                headers={},
                body=b"sealed",
            )
            for _ in range(3)
        ]
        await events_store.add(conn, events)
        told = Happening(bill_id=bill, what="held", why="held_by_person", by="emitter")
        await timeline_store.add(conn, tenant, [told] * 3)
        for _ in range(3):
            await audit_store.add(conn, tenant, actor="Ana (pa)", action="sale_hold")
    return tenant


async def test_one_tenants_day_is_told_in_order_and_whole_whatever_the_page(world: World) -> None:
    tenant = await lived(world)
    path = f"/tenants/{tenant}/activity"

    at_once = await whole(world, path, **window(), limit=200)
    in_twos = await whole(world, path, **window(), limit=2)
    people = await whole(world, path, **window(), limit=2, kind="act")

    assert at_once == in_twos
    times = [one["at"] for one in at_once]
    assert times == sorted(times)
    kinds = [one["kind"] for one in at_once]
    assert (kinds.count("heard"), kinds.count("sale")) == (3, 3)
    held = next(one for one in at_once if one["kind"] == "sale")
    assert held["bill_id"] == 4711
    assert held["message"].endswith("Quando a venda puder seguir, escolha Liberar.")
    assert [one["by"] for one in people if one["what"] == "sale_hold"] == ["Ana (pa)"] * 3


async def test_another_tenants_doings_are_its_own(world: World) -> None:
    await lived(world)
    other = await world.api.tenant()

    found = await whole(world, f"/tenants/{other}/activity", **window(), limit=200)

    assert {one["what"] for one in found} <= {"tenant_added"}


async def test_all_tenants_are_counted_with_who_acted(world: World) -> None:
    tenants = {await lived(world) for _ in range(3)}
    quiet = await world.api.tenant()

    found = await whole(world, "/activity", **window(), limit=2)

    ours = {one["tenant_id"]: one for one in found if one["tenant_id"] in tenants}
    assert ours.keys() == tenants
    for one in ours.values():
        assert (one["heard"], one["sales"]) == (3, 3)
        assert "Ana (pa)" in one["by"]
    assert all(one["acts"] for one in found)
    assert quiet not in {one["tenant_id"] for one in found if one["heard"]}


async def test_a_window_that_cannot_be_meant_is_refused(world: World) -> None:
    tenant = await world.api.tenant()
    now = datetime.now(UTC)
    turned = {"since": now.isoformat(), "until": (now - timedelta(hours=1)).isoformat()}
    wrong: list[dict[str, str]] = [
        turned,
        window(hours=24 * 40),
        {**window(), "cursor": "x"},
        {**window(), "kind": "other"},
        {"since": "2026-11-01", "until": "2026-11-02"},
        {},
    ]
    for query in wrong:
        answer = await world.api.get(f"/tenants/{tenant}/activity?{urlencode(query)}")
        assert answer.status == 422, query
