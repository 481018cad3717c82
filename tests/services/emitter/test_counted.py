"""What became of sales and notas is counted, each once, after it was committed."""

from datetime import timedelta

from services.emitter.app import gauges_of
from services.emitter.dispatch import Dispatcher
from shared.telemetry.sampled import sample
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_statements import an_uncertain_sale
from tests.support.scraped import Scraped, now


async def test_a_nota_is_counted_issued_and_timed_from_its_event_and_payment(desk: Desk) -> None:
    scraped = Scraped()
    paid_at = desk.sandbox.clock.now() - timedelta(minutes=7).total_seconds()
    bill = await desk.sold(paid_at=paid_at)

    await desk.work()
    await desk.later(timedelta(minutes=5))
    await desk.work()
    await desk.later(timedelta(minutes=5))
    await desk.work()

    assert (await desk.sale(bill)).status == "issued"
    assert scraped.risen("notaponte_notas_total", outcome="issued", cause="") == 1
    assert scraped.risen("notaponte_notas_total", outcome="pending", cause="") == 1
    assert scraped.risen("notaponte_moment_to_issued_seconds_count", lane="live") == 1
    assert scraped.risen("notaponte_event_to_issued_seconds_count", lane="live") == 1
    since_paid = scraped.risen("notaponte_moment_to_issued_seconds_sum", lane="live")
    since_heard = scraped.risen("notaponte_event_to_issued_seconds_sum", lane="live")
    assert 420 <= since_paid <= 560
    assert 0 < since_heard < 120
    assert scraped.risen("notaponte_issuer_answers_total", call="issue", outcome="200") == 1
    assert scraped.risen("notaponte_issuer_seconds_count", call="issue") == 1
    assert scraped.risen("notaponte_vindi_answers_total", share="due", outcome="200") >= 1
    assert scraped.risen("notaponte_vindi_turn_seconds_count", share="due") >= 1


async def test_a_denial_is_counted_by_its_cause(desk: Desk) -> None:
    scraped = Scraped()
    desk.company.faults.default_outcome = "deny"
    desk.company.faults.default_denial = "E999 - algo que ninguém conhece"
    bill = await desk.sold()

    await desk.work()
    await desk.later(timedelta(minutes=5))
    await desk.work()

    denied = await desk.sale(bill)
    assert denied.status == "denied"
    assert denied.code is not None
    assert scraped.risen("notaponte_notas_total", outcome="denied", cause=denied.code) == 1


async def test_what_is_held_is_counted_by_its_cause_once(desk: Desk) -> None:
    scraped = Scraped()
    bill = await desk.sold(customer={"registry_code": None})
    for _ in range(2):  # nothing new is nothing to count
        await desk.work()
        await desk.heard((await desk.sale(bill)).bill_id)
    await desk.work()

    held = await desk.sale(bill)
    assert held.status == "held"
    assert (
        scraped.risen("notaponte_sales_decided_total", status="held", cause=held.code or "?") == 1
    )


async def test_a_lost_answer_and_what_looking_it_up_found_are_counted(desk: Desk) -> None:
    scraped = Scraped()
    await an_uncertain_sale(desk)
    assert scraped.risen("notaponte_lost_answers_total", about="issue") == 1
    assert scraped.risen("notaponte_notas_total", outcome="uncertain", cause="") == 1
    assert scraped.risen("notaponte_issuer_answers_total", call="issue", outcome="5xx") == 1

    await desk.later(timedelta(minutes=1))
    await desk.work()

    assert scraped.risen("notaponte_look_ups_total", outcome="missing") >= 1
    assert scraped.risen("notaponte_issuer_answers_total", call="read", outcome="404") >= 1


async def test_a_429_of_vindi_is_counted_and_not_repeated_at_once(desk: Desk) -> None:
    scraped = Scraped()
    desk.account.weather.add(status=429, when="before", count=1)
    await desk.sold()

    await desk.work()

    assert scraped.risen("notaponte_vindi_answers_total", share="due", outcome="429") == 1


async def test_an_answer_that_was_lost_on_its_way_back_is_found(desk: Desk) -> None:
    scraped = Scraped()
    desk.company.weather.add(status=500, when="after", method="POST", count=1)
    bill = await desk.sold()
    await desk.work()
    await desk.later(timedelta(minutes=1))
    await desk.work()

    assert len(desk.notas_of(bill)) == 1
    assert scraped.risen("notaponte_look_ups_total", outcome="found") == 1


async def test_what_an_emitter_has_under_way_is_shown(desk: Desk) -> None:
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    gauges = gauges_of(dispatcher, desk.tools.leases)
    await desk.sold()
    await desk.sold()

    await dispatcher.dispatch_once(lambda: None)
    dispatcher.lateness.note(0.25)
    sample(gauges)
    shown = now("notaponte_emitter_sales_under_way")
    await dispatcher.drain()
    sample(gauges)

    assert shown == 2
    assert now("notaponte_emitter_lateness_seconds") == 0.25
    assert now("notaponte_emitter_sales_under_way") == 0
