"""A run whose key or account is refused waits, says so, and goes on by itself from where it was."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.reconciler.refused import RESTS, Looker
from services.sandbox.enotas.records import EnotasKey
from services.sandbox.vindi.account import Account
from shared.commands.backfills import cancel_backfill
from shared.commands.go_on import go_on
from shared.db.tenants import connections_store
from shared.domain.backfill_run import Backfill
from shared.domain.ids import BackfillId
from shared.domain.messages import message_of_import
from tests.services.reconciler.backfill.conftest import Office
from tests.services.reconciler.backfill.test_runs import JUNE, a_month_of_sales

REFUSALS = [(401, "vindi_key_refused"), (403, "vindi_profile_too_narrow")]


async def a_run_refused_on_the_way(office: Office, *, status: int) -> BackfillId:
    """Three steps were done; then the account refuses whatever it is asked."""
    office.desk.account.faults.change({"per_page_cap": 5})
    a_month_of_sales(office, 30)
    backfill = await office.ask(*JUNE, dry_run=False)
    run = await office.leased(backfill)
    for _ in range(3):
        assert await run.step()
    await office.pool.execute("UPDATE backfills SET lease_until = NULL")
    refuse(office.desk.account, status)
    await office.run()
    return backfill


def refuse(account: Account, status: int) -> None:
    account.weather.add(status=status, path_has="/bills")


def assert_waits(run: Backfill, code: str) -> None:
    assert (run.status, run.error, run.waits_for, run.failures) == ("running", code, code, 0)
    assert run.not_before is not None
    assert run.not_before > datetime.now(UTC)


@pytest.mark.parametrize(("status", "code"), REFUSALS)
async def test_a_run_refused_on_the_way_goes_on_once_a_look_finds_the_key_good(
    office: Office, status: int, code: str
) -> None:
    backfill = await a_run_refused_on_the_way(office, status=status)
    waiting = await office.get(backfill)
    read = waiting.position.rows_read
    looker = Looker(services=office.services)
    after_a_minute = datetime.now(UTC) + RESTS[0][1] + timedelta(seconds=1)
    assert await looker.look_once(after_a_minute) == 0
    await office.run()
    still = await office.get(backfill)

    office.desk.account.weather.clear()
    assert await looker.look_once(after_a_minute + timedelta(hours=1)) == 1
    await office.run()

    assert_waits(waiting, code)
    assert_waits(still, code)
    assert read > 0
    ended = await office.get(backfill)
    assert (ended.status, ended.error, ended.waits_for) == ("completed", None, None)
    assert ended.summary is not None
    assert ended.summary.bills == len(await office.taken()) == 30


async def test_a_blocked_account_is_waited_for_and_its_release_wakes_the_run(
    office: Office,
) -> None:
    backfill = await a_run_refused_on_the_way(office, status=402)
    waiting = await office.get(backfill)
    office.desk.account.weather.clear()

    async with office.pool.acquire() as conn, conn.transaction():  # as a pass does that got in
        assert await connections_store.unblock(conn, office.desk.tenant, "vindi")
        await go_on(conn, office.desk.tenant, ["vindi_account_blocked"])
    await office.run()

    assert_waits(waiting, "vindi_account_blocked")
    assert (await office.get(backfill)).status == "completed"


async def test_a_run_that_waits_asks_a_refused_account_nothing(office: Office) -> None:
    backfill = await a_run_refused_on_the_way(office, status=401)
    asked = office.requests()

    for _ in range(3):
        await office.pool.execute("UPDATE backfills SET not_before = NULL")
        await office.run()

    assert_waits(await office.get(backfill), "vindi_key_refused")
    assert office.requests() == asked


async def test_the_older_a_refusal_the_more_rarely_a_run_looks_whether_it_is_over(
    office: Office,
) -> None:
    backfill = await a_run_refused_on_the_way(office, status=401)
    rests = []
    for minutes in (1, 10, 300):
        await office.pool.execute(
            "UPDATE vindi_connections SET state_since = now() - $1::interval",
            timedelta(minutes=minutes),
        )
        await office.pool.execute("UPDATE backfills SET not_before = NULL")
        await office.run()
        until = (await office.get(backfill)).not_before
        assert until is not None
        rests.append(round((until - datetime.now(UTC)) / timedelta(minutes=1)))

    assert rests == [1, 5, 60]


async def test_a_run_that_waits_is_cancelled_like_any_other(office: Office) -> None:
    backfill = await a_run_refused_on_the_way(office, status=401)

    async with office.pool.acquire() as conn, conn.transaction():
        after = await cancel_backfill(conn, office.desk.tenant, backfill, by="Ana")
    office.desk.account.weather.clear()
    async with office.pool.acquire() as conn, conn.transaction():
        await go_on(conn, office.desk.tenant, ["vindi_key_refused"])
    await office.run()

    assert after is not None
    assert (after.status, after.waits_for) == ("cancelled", None)
    assert (await office.get(backfill)).status == "cancelled"


async def test_a_refusal_of_a_moment_only_puts_a_run_off(office: Office) -> None:
    a_month_of_sales(office, 5)
    backfill = await office.ask(*JUNE)
    office.desk.account.weather.add(status=401, path_has="/bills", count=1)

    await office.run()

    put_off = await office.get(backfill)
    assert (put_off.status, put_off.error, put_off.failures) == ("running", "vindi_unavailable", 1)
    assert (await connection_states(office))["vindi"] == "ok"


async def test_an_issuer_that_refuses_its_key_is_waited_for_too(office: Office) -> None:
    a_month_of_sales(office, 5)
    issuer_key(office).revoked = True
    backfill = await office.ask(*JUNE, dry_run=False)
    await office.run()
    waiting = await office.get(backfill)
    blocked = await connection_states(office)

    issuer_key(office).revoked = False
    looker = Looker(services=office.services)
    assert await looker.look_once(datetime.now(UTC) + timedelta(minutes=2)) == 1
    await office.run()

    assert_waits(waiting, "issuer_key_refused")
    assert blocked == {"vindi": "ok", "issuer": "issuer_key_refused"}
    assert (await office.get(backfill)).status == "completed"


async def test_a_preview_does_not_wait_for_the_issuer(office: Office) -> None:
    a_month_of_sales(office, 5)
    issuer_key(office).revoked = True

    assert (await office.did(*JUNE)).bills == 5


def issuer_key(office: Office) -> EnotasKey:
    return office.desk.sandbox.enotas.keys[office.desk.company.key]


async def connection_states(office: Office) -> dict[str, str]:
    states = await asyncio.gather(
        office.pool.fetchval("SELECT state FROM vindi_connections"),
        office.pool.fetchval("SELECT state FROM issuer_connections"),
    )
    return dict(zip(("vindi", "issuer"), states, strict=True))


def test_what_a_run_waits_for_is_said_with_how_it_goes_on() -> None:
    refused = message_of_import("vindi_key_refused", is_open=True)
    assert refused.text.startswith("A Vindi recusou a chave da API.")
    assert "continua automaticamente" in refused.text
    away = [message_of_import("vindi_unavailable", is_open=open_).text for open_ in (True, False)]
    assert "automaticamente" in away[0]
    assert away[1].endswith("o que já entrou não entra outra vez.")
