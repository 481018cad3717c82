"""What the issuer took late, and other news of a nota at rest that it does not show yet."""

from datetime import timedelta

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.sales import notas_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_brakes import goes_on
from tests.services.emitter.test_after_news import SOON, ends, looked_at, rests, wait
from tests.services.emitter.test_connections import another_company, move, valid
from tests.services.emitter.test_issuers_word import (
    a_denied_sale,
    a_sale_that_never_arrived,
    an_issued_sale,
    only_nota,
    settled,
    timeline,
    told,
)
from tests.services.emitter.test_parts import SERVICES, ask, settle, sold_mixed

LATE = 50_000.0  # seconds
AN_HOUR = timedelta(hours=1)
MANY = 30  # more looks than there are


def arrives(desk: Desk) -> None:
    """What was lost on the way is there now, and the city has authorised it."""
    desk.sandbox.clock.advance(LATE + 10_000)
    desk.sandbox.clock.advance(600)


async def test_one_that_never_arrived_is_asked_about_for_an_hour(desk: Desk) -> None:
    bill = await a_sale_that_never_arrived(desk, late=LATE)

    rested = await looked_at(desk, bill, MANY)

    assert len(rested) == 11
    assert rested[0] < SOON
    assert timedelta(minutes=40) <= sum(rested, timedelta()) < AN_HOUR
    assert await rests(desk, bill) is None
    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == ("skipped", "refunded", None)
    assert (await timeline(desk, bill)).count("skipped") == 1


async def test_one_taken_late_of_which_nobody_tells_is_cancelled(desk: Desk) -> None:
    bill = await a_sale_that_never_arrived(desk, late=LATE)
    await looked_at(desk, bill, 3)
    arrives(desk)

    await looked_at(desk, bill, 1)
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert only_nota(desk, bill).status == "Cancelada"
    assert "nota_arrived_late" in await timeline(desk, bill)
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_news_of_one_taken_late_that_is_not_shown_yet_is_not_forgotten(desk: Desk) -> None:
    bill = await a_sale_that_never_arrived(desk, late=LATE)
    await looked_at(desk, bill, MANY)
    assert await rests(desk, bill) is None

    await told(desk, bill)  # the single read says 404 still
    assert (await looked_at(desk, bill, 1))[0] < SOON
    arrives(desk)
    await looked_at(desk, bill, 1)
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert only_nota(desk, bill).status == "Cancelada"


async def test_a_webhook_that_comes_twice_has_a_valid_nota_asked_about_for_a_minute(
    desk: Desk,
) -> None:
    bill = await an_issued_sale(desk)

    await told(desk, bill)

    rested = await looked_at(desk, bill, MANY)
    assert len(rested) == 6
    assert sum(rested, timedelta()) < timedelta(seconds=90)
    assert await rests(desk, bill) is None
    assert (await desk.sale(bill)).status == "issued"


async def test_news_that_is_explained_is_asked_about_no_more(desk: Desk) -> None:
    bill = await a_denied_sale(desk)
    await told(desk, bill)
    assert await rests(desk, bill) is not None
    desk.sandbox.enotas.resend_in_panel(desk.company, only_nota(desk, bill))
    desk.sandbox.clock.advance(600)

    await looked_at(desk, bill, 1)

    assert (await desk.sale(bill)).status == "issued"
    assert (await desk.nota(bill)).news_at is None
    assert await rests(desk, bill) is None


async def test_news_of_a_cancelled_one_is_asked_about_once(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    desk.sandbox.clock.advance(5)
    ends(desk, bill, "Cancelada")
    await told(desk, bill)

    await told(desk, bill)

    assert (await desk.sale(bill)).status == "cancelled"
    assert await rests(desk, bill) is None


async def test_a_refund_while_news_is_open_is_decided_at_once(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    await told(desk, bill)
    await looked_at(desk, bill, 2)

    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await desk.work()

    assert (await desk.sale(bill)).status == "cancelling"


async def test_a_valid_nota_that_is_missing_is_told_once_and_found_again(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    nota = only_nota(desk, bill)
    del desk.company.notas[nota.id]
    del desk.company.by_external_id[nota.external_id]
    await told(desk, bill)
    await looked_at(desk, bill, 2)
    assert (await timeline(desk, bill)).count("attention") == 1
    assert (await desk.sale(bill)).attention == "nota_missing_at_issuer"

    desk.company.notas[nota.id] = nota
    desk.company.by_external_id[nota.external_id] = nota
    await looked_at(desk, bill, 1)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", None)


async def test_a_wish_said_while_news_is_noted_stays(desk: Desk) -> None:
    """Nothing but the news is written of a nota at rest."""
    bill = await a_denied_sale(desk)
    before = await desk.nota(bill)
    await desk.pool.execute("UPDATE notas SET resend = true, wish = 'issue'")

    async with desk.pool.acquire() as conn, conn.transaction():
        now = await conn.fetchval("SELECT now()")
        [noted] = await notas_store.note_news(conn, desk.tenant, [(before, now)])

    assert (noted.resend, noted.wish, noted.news_at) == (True, "issue", now)


async def wanted_again_behind_a_refused_key(desk: Desk) -> Bill:
    """It never arrived, a person wants it after all, and its request does not leave."""
    desk.company.faults.late_seconds = LATE
    bill = await desk.sold()
    await desk.work()
    desk.company.faults.late_seconds = None
    await ask(desk, bill, "cancel")
    await settle(desk, rounds=5)
    assert (await desk.sale(bill)).status == "skipped"
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await ask(desk, bill, "issue")
    await desk.work()
    assert (await desk.sale(bill)).code == "issuer_key_refused"
    return bill


async def test_one_that_never_arrived_is_not_denied_by_a_request_that_did_not_leave(
    desk: Desk,
) -> None:
    bill = await wanted_again_behind_a_refused_key(desk)

    nota = await desk.nota(bill)

    assert (nota.status, nota.raw_status, nota.denial) == ("cancelled", "never_arrived", None)
    desk.sandbox.enotas.keys[desk.company.key].revoked = False
    await goes_on(desk)
    await settled(desk)
    assert (await desk.sale(bill)).status == "issued"
    assert [one.external_id for one in desk.notas_of(bill)] == [nota.external_id]


async def test_what_a_divided_sale_waits_for_stands_while_news_of_one_part_is_open(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    await desk.pool.execute(
        "INSERT INTO tenant_brakes (tenant_id, notas_a_day) VALUES ($1, 1)", desk.tenant
    )
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)
    await ask(desk, bill, "hold")
    await desk.work()
    assert (await desk.sale(bill)).code == "held_by_person"
    asked_before = len(desk.sandbox.enotas.journal)

    await told(desk, bill)
    rested = await looked_at(desk, bill, MANY)

    assert len(rested) == 6
    assert len(desk.sandbox.enotas.journal) - asked_before <= 7
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "held_by_person")


async def test_a_clock_set_back_asks_for_no_longer(desk: Desk) -> None:
    bill = await a_sale_that_never_arrived(desk, late=LATE)
    await desk.pool.execute("UPDATE notas SET news_at = now() + interval '1 day'")
    await wait(desk, timedelta(seconds=5))
    await desk.work()

    assert await rests(desk, bill) is None


async def sold_and_denied(desk: Desk) -> Bill:
    """A sale, its look-ups, and its request once more, until that is refused."""
    bill = await desk.sold()
    for _ in range(8):
        await desk.work()
        if (await desk.sale(bill)).status == "denied":
            break
        await desk.later()
    return bill


@pytest.mark.parametrize("refusal", ["400", "409"])
async def test_one_said_to_exist_and_not_shown_is_issued_once_it_is_shown(
    desk: Desk, refusal: str
) -> None:
    """The answer was lost, the single read lags, and the repeated request is refused for it."""
    desk.company.faults.change(
        {"duplicate_in_progress": refusal, "duplicate_done": refusal, "webhooks": "off"}
    )
    desk.company.weather.add(kind="hang_up", when="after", count=1, method="POST")
    hidden = desk.company.weather.add(
        kind="empty", status=404, method="GET", path_has="porIdExterno"
    )
    bill = await sold_and_denied(desk)
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("denied", "denied_numbering")
    assert (await looked_at(desk, bill, 1))[0] < SOON

    hidden.count = 0
    await looked_at(desk, bill, 2)

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1


async def test_one_said_to_exist_and_never_shown_rests_after_an_hour(desk: Desk) -> None:
    desk.company.faults.change({"duplicate_done": "409", "webhooks": "off"})
    desk.company.weather.add(kind="hang_up", when="after", count=1, method="POST")
    desk.company.weather.add(kind="empty", status=404, method="GET", path_has="porIdExterno")
    bill = await sold_and_denied(desk)

    rested = await looked_at(desk, bill, MANY)

    assert sum(rested, timedelta()) < AN_HOUR
    assert await rests(desk, bill) is None
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("denied", "denied_numbering")


async def test_one_in_doubt_that_was_told_of_is_not_replaced_elsewhere_for_an_hour(
    desk: Desk,
) -> None:
    desk.company.weather.add(kind="hang_up", when="before", method="POST", count=1)
    bill = await desk.sold()
    await desk.work()
    await told(desk, bill)  # the single read says 404 still
    new = another_company(desk)
    await move(desk, new)

    rested: list[timedelta] = []
    while not new.notas and len(rested) < MANY:
        rested += await looked_at(desk, bill, 1)
    await settled(desk)

    assert timedelta(minutes=40) <= sum(rested, timedelta()) <= AN_HOUR
    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company, new) == [f"p-{desk.tenant}-{bill.id}-2"]
