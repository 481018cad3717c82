"""A nota with mended data takes the place of a valid one: one of both stands, never two."""

import asyncio
import json
from typing import Any

import pytest
from asyncpg import UniqueViolationError

from services.emitter.dispatch import Dispatcher
from services.emitter.loop import Loop
from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import ActionRefused, Asked, act
from shared.commands.brakes import release_brake
from shared.domain.ids import BillId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.interface import Capabilities
from shared.net.http import open_session
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk, an_emitter
from tests.services.emitter.stopping.test_outage import time_passes
from tests.services.emitter.test_leaving import count, until
from tests.services.emitter.test_part_wishes import ask_part, two_issued
from tests.services.emitter.test_parts import dies, is_clean, parts, settle
from tests.services.reconciler.closing.conftest import Books, books, reasons

__all__ = ["books"]

WAKER = Waker("redis://nobody.invalid")
OLD = {"service": {"lc116": "1.07"}, "reissue": "substitute"}
MENDED = {"service": {"lc116": "1.09"}, "reissue": "substitute"}


async def an_issued_sale(desk: Desk, **details: Any) -> Bill:
    await desk.rule(**OLD)
    bill = await desk.sold(**details)
    await settle(desk)
    assert (await desk.sale(bill)).status == "issued"
    await desk.rule(**MENDED)
    return bill


async def substitute(desk: Desk, bill: Bill, part: int | None = None) -> ActionRefused | None:
    asked = Asked(action="issue", reason="código errado", by="ana", part=part, substitute=True)
    outcome = await act(desk.pool, WAKER, desk.tenant, [BillId(bill.id)], asked)
    return next(iter(outcome.refused), None)


def key(desk: Desk, bill: Bill, revision: int) -> str:
    return f"p-{desk.tenant}-{bill.id}-{revision}"


def at_issuer(desk: Desk, bill: Bill) -> dict[str, str]:
    return {one.external_id.rpartition("-")[2]: one.status for one in desk.notas_of(bill)}


async def rows(desk: Desk, bill: Bill) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT revision, status, raw_status, substitutes, wish FROM notas WHERE bill_id = $1"
        " ORDER BY part, revision"
    )
    async with desk.pool.acquire() as conn:
        return [tuple(row) for row in await conn.fetch(sql, bill.id)]


async def test_a_nota_with_mended_data_takes_the_place_of_the_valid_one(books: Books) -> None:
    desk = books.desk
    bill = await an_issued_sale(desk, paid_at=books.start.timestamp())

    assert await substitute(desk, bill) is None
    await settle(desk)

    new = next(one for one in desk.notas_of(bill) if one.external_id == key(desk, bill, 2))
    assert new.body["idExternoSubstituir"] == key(desk, bill, 1)
    assert new.body["servico"]["itemListaServicoLC116"] == "1.09"
    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    assert [row[:2] for row in await rows(desk, bill)] == [(1, "cancelled"), (2, "issued")]
    assert (await rows(desk, bill))[0][2] == "substituted"
    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == ("issued", None, None)
    closing = await books.close()
    assert (closing.figures.notas.amount, reasons(closing)) == (17_990, {})
    assert closing.balanced
    assert "DELETE" not in [call.method for call in desk.sandbox.enotas.journal]
    assert is_clean(desk)


async def test_while_it_is_under_way_the_old_one_counts_and_only_that(books: Books) -> None:
    desk = books.desk
    bill = await an_issued_sale(desk, paid_at=books.start.timestamp())
    await substitute(desk, bill)
    await desk.work()

    assert (await desk.sale(bill)).status == "issuing"
    assert [row[:2] for row in await rows(desk, bill)] == [(1, "issued"), (2, "pending")]
    closing = await books.close()
    assert (closing.figures.notas.amount, closing.figures.difference) == (17_990, 0)


async def test_where_it_is_denied_the_old_one_stands_and_a_person_is_told(books: Books) -> None:
    desk = books.desk
    bill = await an_issued_sale(desk, paid_at=books.start.timestamp())
    outcome = Outcome(kind="deny_once", denial="service")
    desk.sandbox.enotas.decide(desk.company, key(desk, bill, 2), outcome)
    await substitute(desk, bill)
    await settle(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention, sale.amount) == ("issued", "substitution_denied", 17_990)
    assert at_issuer(desk, bill) == {"1": "Autorizada", "2": "Negada"}
    closing = await books.close()
    assert (closing.figures.notas.amount, reasons(closing)) == (17_990, {})
    assert closing.balanced
    posts = [call for call in desk.sandbox.enotas.journal if call.method == "POST"]
    await settle(desk)
    assert len([call for call in desk.sandbox.enotas.journal if call.method == "POST"]) == len(
        posts
    )

    assert await substitute(desk, bill) is None  # asked for once more: under the same id
    await settle(desk)

    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    assert [row[:2] for row in await rows(desk, bill)] == [(1, "cancelled"), (2, "issued")]
    assert (await desk.sale(bill)).attention is None
    assert is_clean(desk)


async def test_after_a_denied_one_the_old_one_is_cancelled_and_issued_anew(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    outcome = Outcome(kind="deny_once", denial="service")
    desk.sandbox.enotas.decide(desk.company, key(desk, bill, 2), outcome)
    await substitute(desk, bill)
    await settle(desk)

    assert await ask_part(desk, bill, "cancel", None) is None
    await settle(desk)
    assert (await desk.sale(bill)).status == "cancelled"
    assert await ask_part(desk, bill, "issue", None) is None
    await settle(desk)

    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    (new,) = [one for one in desk.notas_of(bill) if one.external_id == key(desk, bill, 2)]
    assert "idExternoSubstituir" not in new.body
    assert is_clean(desk)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_is_looked_up_and_never_sent_blindly(desk: Desk, when: str) -> None:
    bill = await an_issued_sale(desk)
    desk.company.weather.add(kind="hang_up", when=when, every=1, method="POST", count=1)
    await substitute(desk, bill)
    await settle(desk, rounds=7)

    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    assert [row[:2] for row in await rows(desk, bill)] == [(1, "cancelled"), (2, "issued")]
    assert is_clean(desk)


@pytest.mark.parametrize("turns", [1, 3, 10, 20, 40, 80, 160, 320])
async def test_a_worker_that_dies_anywhere_leaves_one_nota_valid(desk: Desk, turns: int) -> None:
    bill = await an_issued_sale(desk)
    await substitute(desk, bill)
    for _ in range(3):
        await dies(desk, turns)
    await settle(desk, rounds=6)

    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    assert [row[:2] for row in await rows(desk, bill)] == [(1, "cancelled"), (2, "issued")]
    assert (await desk.sale(bill)).status == "issued"
    assert is_clean(desk)


@pytest.mark.parametrize("kind", ["authorise", "deny"])
@pytest.mark.parametrize("passes", [0, 1])
async def test_a_refund_meanwhile_leaves_nothing_valid(desk: Desk, kind: str, passes: int) -> None:
    bill = await an_issued_sale(desk)
    outcome = Outcome(kind=kind, denial="service")
    desk.sandbox.enotas.decide(desk.company, key(desk, bill, 2), outcome)
    await substitute(desk, bill)
    if passes:
        await desk.work()
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=5)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert "Autorizada" not in at_issuer(desk, bill).values()
    assert is_clean(desk)


async def test_a_person_takes_back_what_is_being_substituted(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    outcome = Outcome(kind="deny", denial="service")
    desk.sandbox.enotas.decide(desk.company, key(desk, bill, 2), outcome)
    await substitute(desk, bill)
    await desk.work()
    assert await ask_part(desk, bill, "cancel", None) is None
    await settle(desk, rounds=5)

    assert (await desk.sale(bill)).status == "cancelled"
    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Negada"}


async def test_what_the_city_would_not_cancel_is_substituted(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    desk.company.faults.cancel_refusals = ["Prazo para cancelamento expirado."]
    await ask_part(desk, bill, "cancel", None)
    await settle(desk)
    assert (await desk.sale(bill)).status == "cancel_refused"

    assert await substitute(desk, bill) is None
    await settle(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert [row[:2] for row in await rows(desk, bill)] == [(1, "cancelled"), (2, "issued")]
    assert is_clean(desk)


async def test_a_key_refused_before_it_leaves_keeps_the_old_one(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await substitute(desk, bill)
    await settle(desk)
    assert [row[:2] for row in await rows(desk, bill)] == [(1, "issued")]

    desk.sandbox.enotas.keys[desk.company.key].revoked = False
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET state = 'ok'")
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    assert is_clean(desk)


async def test_one_of_two_is_substituted_and_the_other_is_left_alone(desk: Desk) -> None:
    bill = await two_issued(desk)
    await desk.rule(
        **OLD, services_by_product_code={"EBOOK": {"lc116": "17.01"}, "CURSO": {"lc116": "8.02"}}
    )

    refused = await substitute(desk, bill)
    assert refused is not None
    assert (refused.code, refused.missing) == ("part_needed", ("part",))
    assert await substitute(desk, bill, part=2) is None
    await settle(desk)

    assert [(one.part, one.revision, one.status) for one in await parts(desk, bill)] == [
        (1, 1, "issued"),
        (2, 2, "issued"),
    ]
    new = next(one for one in desk.notas_of(bill) if one.external_id.endswith("x2-2"))
    assert new.body["idExternoSubstituir"].endswith("x2-1")
    assert new.body["servico"]["itemListaServicoLC116"] == "17.01"
    assert is_clean(desk)


async def test_it_is_refused_where_the_rule_or_the_state_forbids_it(desk: Desk) -> None:
    await desk.rule(service={"lc116": "1.07"})
    bill = await desk.sold()
    await settle(desk)
    by_rule = await substitute(desk, bill)
    await desk.rule(**MENDED)
    await ask_part(desk, bill, "cancel", None)
    await settle(desk)
    by_state = await substitute(desk, bill)

    assert [by_rule and by_rule.code, by_state and by_state.code] == [
        "substitution_not_allowed",
        "nothing_to_substitute",
    ]


async def test_the_database_refuses_a_second_live_nota_of_either_kind(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    await substitute(desk, bill)
    await desk.work()
    copy = """
        INSERT INTO notas (tenant_id, bill_id, part, revision, external_id, status, environment,
                           amount, competencia, request, substitutes)
        SELECT tenant_id, bill_id, part, revision + 9, external_id || '9', status, environment,
               amount, competencia, request, substitutes
          FROM notas WHERE bill_id = $1 AND revision = $2
    """
    for revision in (1, 2):
        async with desk.pool.acquire() as conn:
            with pytest.raises(UniqueViolationError):
                await conn.execute(copy, bill.id, revision)


async def test_a_locked_month_keeps_the_nota_as_it_is(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    async with desk.pool.acquire() as conn:
        day = await conn.fetchval("SELECT competencia FROM notas WHERE bill_id = $1", bill.id)
        await conn.execute(
            "INSERT INTO closing_locks (tenant_id, month, locked_by, reason, forced, figures)"
            " VALUES ($1, $2, 'ana', 'fechado', false, $3)",
            desk.tenant,
            day.replace(day=1),
            json.dumps({}),
        )
    await substitute(desk, bill)
    await settle(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", "competencia_month_closed")
    assert at_issuer(desk, bill) == {"1": "Autorizada"}


async def braked(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO tenant_brakes (tenant_id, notas_a_day) VALUES ($1, 1)"
            " ON CONFLICT (tenant_id) DO UPDATE SET notas_a_day = 1",
            desk.tenant,
        )


async def test_one_that_a_brake_stops_leaves_its_sale_issued_and_goes_on_once_released(
    desk: Desk,
) -> None:
    bill = await an_issued_sale(desk)
    await braked(desk)  # the first nota of the day was its own

    await substitute(desk, bill)
    await settle(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == ("issued", None, "brake_daily_count")
    assert at_issuer(desk, bill) == {"1": "Autorizada"}

    _, freed = await release_brake(desk.pool, WAKER, desk.tenant, reason="vi", by="ana")
    await settle(desk)

    assert freed == 1
    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", None)
    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    assert is_clean(desk)


async def test_one_that_an_outage_stops_leaves_its_sale_issued_and_goes_on_by_itself(
    desk: Desk,
) -> None:
    bill = await an_issued_sale(desk)
    desk.company.weather.add(status=503, method="POST")
    others = [await desk.sold() for _ in range(40)]
    await desk.work()
    await substitute(desk, bill)
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == ("issued", None, "substitution_waits")
    assert at_issuer(desk, bill) == {"1": "Autorizada"}

    desk.company.weather.clear()
    for _ in range(12):
        await time_passes(desk)
    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", None)
    assert {len(desk.notas_of(one)) for one in others} == {1}
    told = await desk.pool.fetch("SELECT what FROM timeline WHERE bill_id = $1", bill.id)
    assert "queued" not in {row["what"] for row in told}
    assert is_clean(desk)


async def test_one_that_stands_in_line_leaves_its_sale_issued(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    others = [await desk.sold() for _ in range(40)]
    await substitute(desk, bill)
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, parallel=1, per_second=2)
        loop = Loop(Dispatcher(tools=slow, worker="slow"))
        running = asyncio.create_task(loop.run())
        await until(lambda: count(desk, "status = 'sending'"))
        status = (await desk.sale(bill)).status
        loop.stop()
        await running
    assert status in ("issued", "issuing")
    assert (await desk.sale(bill)).status in ("issued", "issuing")
    await settle(desk, rounds=4)
    assert at_issuer(desk, bill) == {"1": "Cancelada", "2": "Autorizada"}
    assert {len(desk.notas_of(one)) for one in others} == {1}
    assert is_clean(desk)


async def test_an_issuer_that_cannot_substitute_is_not_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await an_issued_sale(desk)
    await substitute(desk, bill)
    monkeypatch.setattr(EnotasIssuer, "capabilities", Capabilities(lists=True))
    await settle(desk)
    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", "substitution_untaken")
    assert at_issuer(desk, bill) == {"1": "Autorizada"}
