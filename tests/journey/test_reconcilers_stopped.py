"""A reconciler stands still with an answer in hand, another takes over, the world changes.

Real processes, SIGSTOP and SIGCONT. What it had read before is written by nobody afterwards, what
it did is not done twice, and nothing waits for it for ever.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.sandbox.enotas.records import Nota
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from services.sandbox.wire import Call
from tests.journey.pair import Pair, a_pair

DAYS_AGO = timedelta(days=4)


def of_a_pass(call: Call) -> bool:
    """A page of what changed lately."""
    return call.segments[-1:] == ["bills"] and "updated_at" in call.raw_query


def of_a_backfill(call: Call) -> bool:
    """A page of what was created in a window."""
    return call.segments[-1:] == ["bills"] and "created_at" in call.raw_query


def of_a_list(call: Call) -> bool:
    """A page of the issuer's own list."""
    return call.method == "GET" and call.segments[-1:] == ["nfes"]


def of_a_hook(call: Call) -> bool:
    return "webhook-id" in call.headers


def unheard(pair: Pair, ago: timedelta = timedelta()) -> Bill:
    """A sale that no event tells of."""
    paid_at = (datetime.now(UTC) - ago).isoformat()
    bill = pair.system.sell(events=False, **({"paid_at": paid_at} if ago else {}))
    pair.system.bills.remove(bill)
    return bill


def notas(pair: Pair, bill: Bill) -> list[Nota]:
    return pair.system.notas_of(bill)


async def a_page_of_a_pass_is_older_than_a_refund(pair: Pair) -> None:
    bill = unheard(pair)
    pair.lie_in_wait(of_a_pass)
    await pair.taken_over()
    operations.refund(pair.system.account, bill_id=bill.id, events=False)
    await pair.until_status(bill.id, "skipped")

    await pair.goes_on()

    assert await pair.status(bill.id) == "skipped"
    assert notas(pair, bill) == []


async def a_page_of_a_backfill_is_of_a_run_that_was_cancelled(pair: Pair) -> None:
    bills = [unheard(pair, DAYS_AGO) for _ in range(3)]
    run = await backfill(pair)
    pair.lie_in_wait(of_a_backfill)
    await pair.taken_over()
    await pair.api("POST", f"/backfills/{run}/cancel")

    await pair.goes_on()

    assert await pair.ask("SELECT status FROM backfills WHERE backfill_id = $1", run) == "cancelled"
    assert [notas(pair, bill) for bill in bills] == [[], [], []]


async def a_backfill_is_taken_up_where_it_stood(pair: Pair) -> None:
    bills = [unheard(pair, DAYS_AGO) for _ in range(3)]
    run = await backfill(pair)
    pair.lie_in_wait(of_a_backfill)
    await pair.taken_over()

    async def completed() -> bool:
        found = await pair.ask("SELECT status FROM backfills WHERE backfill_id = $1", run)
        return bool(found == "completed")

    await pair.until(completed, "the backfill was not completed")
    await pair.goes_on()
    for bill in bills:
        await pair.until_status(bill.id, "issued")

    told = await pair.api("GET", f"/backfills/{run}")
    assert told["status"] == "completed"
    assert [len(notas(pair, bill)) for bill in bills] == [1, 1, 1]


async def backfill(pair: Pair) -> str:
    since = (datetime.now(UTC) - 2 * DAYS_AGO).date()
    asked = {
        "since": since.isoformat(), "dry_run": False, "requested_by": "ana", "reason": "teste",
    }  # fmt: skip
    queued = await pair.api("POST", f"{pair.here}/backfills", asked)
    return str(queued["id"])


async def a_page_of_the_issuers_list_is_older_than_a_cancellation(pair: Pair) -> None:
    bill = unheard(pair)
    await pair.until_status(bill.id, "issued")
    pair.lie_in_wait(of_a_list)
    await wanted(pair)
    await pair.taken_over()
    [nota] = notas(pair, bill)
    pair.system.sandbox.enotas.machine.force(pair.system.company, nota, "Cancelada")
    await wanted(pair)
    await pair.until_status(bill.id, "cancelled")

    await pair.goes_on()

    assert await pair.status(bill.id) == "cancelled"
    valid = "SELECT bool_or(valid) FROM issuer_notas WHERE bill_id = $1"
    assert not await pair.ask(valid, bill.id)


async def wanted(pair: Pair) -> None:
    """The days of the open months are to be listed again, now."""
    await pair.ask("UPDATE issuer_days SET wanted_at = now()")
    await pair.ask("UPDATE issuer_lists SET not_before = NULL")


async def a_status_webhook_is_heard_by_its_id_and_settled_once(pair: Pair) -> None:
    await pair.api("PUT", f"{pair.here}/status-webhook", {"url": pair.hook.url})
    pair.lie_in_wait(of_a_hook)
    bill = unheard(pair)
    await pair.taken_over()

    async def delivered() -> bool:
        rest = "SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'"
        return len(pair.hook.heard) > 1 and not await pair.ask(rest)

    await pair.until(delivered, "the status webhook was not delivered by the other")
    before = list(pair.hook.heard)
    await pair.goes_on()

    assert await pair.status(bill.id) == "issued"
    assert len(set(before)) == 1
    assert pair.hook.heard == before
    assert await pair.ask("SELECT array_agg(state) FROM webhook_deliveries") == ["delivered"]


async def a_status_webhook_that_was_taken_away_is_told_nothing_more(pair: Pair) -> None:
    pair.hook.heard.clear()
    pair.lie_in_wait(of_a_hook)
    for _ in range(3):
        unheard(pair)
    await pair.taken_over()
    await pair.api("DELETE", f"{pair.here}/status-webhook")
    await asyncio.sleep(1)  # what the other had on the wire arrives
    before = len(pair.hook.heard)

    await pair.goes_on(2.0)

    assert len(pair.hook.heard) == before


@pytest.mark.timeout(300)
async def test_what_a_stopped_reconciler_had_in_hand_is_worth_nothing_once_another_has_its_work(
    database: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One system for all: what one scene leaves behind must not disturb the next either."""
    async with a_pair(
        database=database, redis=redis_url, folder=tmp_path, monkeypatch=monkeypatch
    ) as pair:
        await a_page_of_a_pass_is_older_than_a_refund(pair)
        await a_page_of_a_backfill_is_of_a_run_that_was_cancelled(pair)
        await a_backfill_is_taken_up_where_it_stood(pair)
        await a_page_of_the_issuers_list_is_older_than_a_cancellation(pair)
        await a_status_webhook_is_heard_by_its_id_and_settled_once(pair)
        await a_status_webhook_that_was_taken_away_is_told_nothing_more(pair)
        assert pair.system.sandbox.enotas.invariants.report()["ok"]
        assert pair.system.complaints('"level": "error"', "Traceback") == []
