"""A refused key stops a tenant only when a second look confirms it, and not for ever."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.reconciler.refused import Looker, rest_after
from shared.db.tenants import connections_store
from shared.domain.errors import TenantBlockedError, TransientError
from shared.issuer.errors import IssuerKeyRefused
from shared.run.second_look import SecondLook
from tests.services.emitter.conftest import SEALER, TENANT, Desk
from tests.services.reconciler.conftest import services_of

MINUTES = timedelta(minutes=5)


async def codes(desk: Desk) -> tuple[str, str]:
    async with desk.pool.acquire() as conn:
        both = await connections_store.get(conn, SEALER, TENANT)
    assert both.vindi is not None
    assert both.issuer is not None
    return both.vindi.state.code, both.issuer.state.code


async def look(desk: Desk, *, later: timedelta = MINUTES) -> int:
    return await Looker(services=services_of(desk)).look_once(datetime.now(UTC) + later)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_firewalls_html_stops_no_tenant_and_its_sales_go_on_by_themselves(
    desk: Desk, status: int
) -> None:
    bills = [await desk.sold() for _ in range(3)]
    desk.account.weather.add(kind="html", status=status)

    await desk.work()
    during = await codes(desk)
    desk.account.weather.clear()
    await desk.later(MINUTES)
    await desk.work()

    assert during == ("ok", "ok")
    assert all(desk.notas_of(bill) for bill in bills)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_of_a_moment_stops_no_tenant(desk: Desk, status: int) -> None:
    bill = await desk.sold()
    desk.account.weather.add(status=status, count=1)

    await desk.work()
    after = await codes(desk)
    await desk.later(MINUTES)
    await desk.work()

    assert after == ("ok", "ok")
    assert desk.notas_of(bill)


@pytest.mark.parametrize(
    ("status", "code"), [(401, "vindi_key_refused"), (403, "vindi_profile_too_narrow")]
)
async def test_what_a_second_look_confirmed_is_looked_at_again_until_it_is_well(
    desk: Desk, status: int, code: str
) -> None:
    bills = [await desk.sold() for _ in range(3)]
    desk.account.weather.add(status=status)
    await desk.work()
    assert (await codes(desk))[0] == code
    assert [(await desk.sale(bill)).code for bill in bills] == [code] * 3

    still = await look(desk)
    desk.account.weather.clear()
    too_soon = await look(desk, later=timedelta())
    well = await look(desk)
    await desk.work()

    assert (still, too_soon, well) == (0, 0, 1)
    assert (await codes(desk))[0] == "ok"
    assert all(desk.notas_of(bill) for bill in bills)


async def test_a_read_that_is_forbidden_for_one_bill_holds_that_bill_alone(desk: Desk) -> None:
    desk.account.faults.refused_filters = {"id"}
    bills = [await desk.sold() for _ in range(4)]
    desk.account.weather.add(status=403, path_has=f"/bills/{bills[1].id}")

    for _ in range(6):
        await desk.work()
        await desk.later(MINUTES)

    assert await codes(desk) == ("ok", "ok")
    held = await desk.sale(bills[1])
    assert (held.status.value, held.code) == ("held", "decision_failed")
    assert all(desk.notas_of(bill) for bill in bills if bill is not bills[1])


async def test_an_issuers_refusal_of_a_moment_stops_nobody(desk: Desk) -> None:
    bill = await desk.sold()
    desk.company.weather.add(status=401, count=1, method="POST")

    await desk.work()
    after = await codes(desk)
    await desk.later(MINUTES)
    await desk.work()

    assert after == ("ok", "ok")
    assert len(desk.notas_of(bill)) == 1


async def test_a_key_that_the_issuer_takes_again_goes_on_by_itself(desk: Desk) -> None:
    bill = await desk.sold()
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await desk.work()
    assert (await codes(desk))[1] == "issuer_key_refused"
    held = await desk.sale(bill)

    desk.sandbox.enotas.keys[desk.company.key].revoked = False
    well = await look(desk)
    await desk.work()

    assert (held.status.value, held.code) == ("held", "issuer_key_refused")
    assert well == 1
    assert len(desk.notas_of(bill)) == 1


def test_looks_come_after_minutes_then_hourly() -> None:
    ages = [timedelta(minutes=minutes) for minutes in (0, 4, 5, 59, 60, 6000)]
    rests = [rest_after(age) // timedelta(minutes=1) for age in ages]
    assert rests == [1, 1, 5, 5, 60, 60]


async def test_all_who_meet_a_refusal_share_one_second_look() -> None:
    looks: list[int] = []

    async def prove() -> None:
        looks.append(1)
        raise IssuerKeyRefused

    second = SecondLook(timedelta(milliseconds=20))
    found = await asyncio.gather(*(second.judge("a", prove) for _ in range(5)))

    assert len(looks) == 1
    assert all(isinstance(one, TenantBlockedError) for one in found)
    assert not any(isinstance(one, TransientError) for one in found)
