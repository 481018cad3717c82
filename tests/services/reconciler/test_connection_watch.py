"""A webhook that stops is told from one that is merely quiet; health says what is not well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY

from services.reconciler.watch_loop import HealthGauges, look_at_all
from services.sandbox.vindi.records import Bill
from shared.db.vindi import watch_store
from shared.watch.connection import ConnectionCheck, judge
from tests.services.emitter.conftest import TENANT
from tests.services.reconciler.conftest import Watch

EVERY = timedelta(minutes=5)


async def check(watch: Watch, code: str) -> ConnectionCheck:
    async with watch.desk.pool.acquire() as conn:
        facts = await watch_store.facts(conn, TENANT)
    assert facts is not None
    return next(check for check in judge(facts, every=EVERY) if check.code == code)


def sold_minutes_ago(watch: Watch, minutes: int) -> Bill:
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).timestamp()
    return watch.desk.sell(created_at=at, paid_at=at)


async def look_back(watch: Watch) -> None:
    """The pass before was ten minutes ago."""
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE reconciler_passes SET bills_mark = now() - interval '10 min'")


async def test_a_webhook_that_stopped_is_reported_broken_within_three_passes(
    watch: Watch,
) -> None:
    seen = []
    for _ in range(3):
        sold_minutes_ago(watch, 4)
        await look_back(watch)
        await watch.pass_once()
        seen.append((await check(watch, "webhook")).status)

    assert seen == ["degraded", "degraded", "broken"]

    await watch.event_came(sold_minutes_ago(watch, 3))
    assert (await check(watch, "webhook")).status == "ok"


async def test_a_quiet_account_is_not_a_broken_webhook(watch: Watch) -> None:
    for _ in range(5):
        await look_back(watch)
        await watch.pass_once()

    assert (await check(watch, "webhook")).status == "ok"


async def test_an_event_that_may_still_come_is_not_missed(watch: Watch) -> None:
    for _ in range(3):
        watch.desk.sell()
        await watch.pass_once()

    assert (await check(watch, "webhook")).status == "ok"


async def test_sales_found_at_once_tell_of_a_broken_webhook_once_their_events_are_late(
    watch: Watch,
) -> None:
    await watch.pass_once()
    seen = []
    for _ in range(4):
        watch.desk.sell()
        await watch.pass_once()
        await five_minutes_pass(watch)
        seen.append((await check(watch, "webhook")).status)

    assert seen == ["ok", "degraded", "degraded", "broken"]
    assert (await watch.state()).missed == 3


async def test_an_event_that_came_late_tells_that_the_webhook_works(watch: Watch) -> None:
    await watch.pass_once()
    for _ in range(4):
        bill = watch.desk.sell()
        await watch.pass_once()
        await watch.event_came(bill)
        await five_minutes_pass(watch)

    assert (await check(watch, "webhook")).status == "ok"
    assert (await watch.state()).missed == 0


async def test_passes_that_come_every_second_tell_of_a_broken_webhook_too(watch: Watch) -> None:
    watch.scheduler.services = replace(
        watch.scheduler.services, reconcile_every=timedelta(seconds=0.1)
    )
    await watch.pass_once()
    for _ in range(3):
        await watch.pass_once()
        sold_minutes_ago(watch, minutes=1)
    await watch.pass_once()

    assert (await watch.state()).missed == 3


async def five_minutes_pass(watch: Watch) -> None:
    """The events awaited were due five minutes earlier."""
    async with watch.desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE reconciler_passes SET events_due = coalesce((SELECT jsonb_object_agg(key,"
            " (value #>> '{}')::timestamptz - interval '5 min')"
            " FROM jsonb_each(events_due)), '{}')"
        )


async def test_a_busy_emitter_is_not_a_broken_webhook(watch: Watch) -> None:
    for _ in range(3):
        await watch.event_came(sold_minutes_ago(watch, 4))
        await look_back(watch)
        await watch.pass_once()

    assert (await check(watch, "webhook")).status == "ok"
    assert (await watch.state()).missed == 0


async def test_an_incomplete_pass_shows_with_its_reason(watch: Watch) -> None:
    await watch.pass_once()
    watch.desk.account.faults.change({"empty_with_total": 1})
    await watch.pass_once()

    found = await check(watch, "last_pass")

    assert found.status == "degraded"
    assert "total" in found.message
    watch.desk.account.faults.change({"empty_with_total": None})
    await watch.pass_once()
    assert (await check(watch, "last_pass")).status == "ok"


async def test_a_clock_that_differs_shows(watch: Watch) -> None:
    await watch.pass_once()
    well = await check(watch, "clock")
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE reconciler_passes SET skew_seconds = 400")

    assert well.status == "ok"
    assert (await check(watch, "clock")).status == "degraded"


async def test_a_refused_key_shows_as_what_it_is(watch: Watch) -> None:
    watch.desk.account.keys[0].revoked = True
    await watch.pass_once()

    assert (await check(watch, "vindi_key")).status == "broken"
    assert (await check(watch, "vindi_profile")).status == "ok"
    assert (await check(watch, "vindi_connection")).status == "broken"


async def test_what_is_not_well_has_a_gauge_until_it_is_well_again(watch: Watch) -> None:
    gauges = HealthGauges()
    labels = {"tenant_id": TENANT, "check": "last_pass"}
    await watch.pass_once()
    watch.desk.account.faults.change({"empty_with_total": 1})
    await watch.pass_once()
    gauges.show(await look_at_all(watch.scheduler.services))
    ill = REGISTRY.get_sample_value("notaponte_tenant_check", labels)
    watch.desk.account.faults.change({"empty_with_total": None})
    await watch.pass_once()

    gauges.show(await look_at_all(watch.scheduler.services))

    well = {"check": "last_pass", "status": "ok"}
    assert ill == 1
    assert REGISTRY.get_sample_value("notaponte_tenant_check", labels) is None
    assert REGISTRY.get_sample_value("notaponte_tenants_by_check", well) == 1
