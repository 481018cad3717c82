"""After news of a nota it is looked at within seconds, and no clock keeps a word from counting."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from services.sandbox.enotas.records import Nota
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.commands.go_on import go_on
from shared.commands.set_up import codes_of
from shared.db.tenants import connections_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_doubt_while_paused import asked, in_doubt
from tests.services.emitter.test_issuers_word import (
    A_WAKER,
    a_denied_sale,
    an_issued_sale,
    only_nota,
    told,
)

SOON = timedelta(seconds=3)
SETTLED_WITHIN = timedelta(minutes=4)
SET_BACK = 300.0  # seconds


async def wait(desk: Desk, by: timedelta) -> None:
    """Let time pass for us alone: what the issuer says stays as it is."""
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE outbox SET due_at = due_at - $1::interval", by)
        await conn.execute(
            "UPDATE notas SET look_up_at = look_up_at - $1::interval,"
            " sent_at = sent_at - $1::interval, cancel_sent_at = cancel_sent_at - $1::interval,"
            " tied_at = tied_at - $1::interval, news_at = news_at - $1::interval",
            by,
        )


async def rests(desk: Desk, bill: Bill) -> timedelta | None:
    """How long it is until a sale is looked at again; None when it is not."""
    found: timedelta | None = await desk.pool.fetchval(
        "SELECT due_at - now() FROM outbox WHERE tenant_id = $1 AND bill_id = $2 AND state = 'due'",
        desk.tenant,
        bill.id,
    )
    return found


async def looked_at(desk: Desk, bill: Bill, times: int) -> list[timedelta]:
    """Have a sale looked at again when its time comes, so often; how long it rested each time."""
    rested = []
    for _ in range(times):
        rest = await rests(desk, bill)
        if rest is None:
            break
        rested.append(rest)
        await wait(desk, rest + timedelta(milliseconds=10))
        await desk.work()
    return rested


async def until(desk: Desk, bill: Bill, status: str) -> timedelta:
    """Have a sale looked at until it is so; how long it took, without the looks themselves."""
    took = timedelta()
    while (await desk.sale(bill)).status != status:
        rest = await rests(desk, bill)
        assert rest is not None, await desk.nota(bill)
        took += max(rest, timedelta())
        assert took < SETTLED_WITHIN, await desk.nota(bill)
        await wait(desk, rest + timedelta(milliseconds=10))
        await desk.work()
    return took


def set_back(desk: Desk, bill: Bill) -> None:
    """The issuer's clock, to before the instant that its nota bears."""
    desk.sandbox.clock.set(only_nota(desk, bill).changed - SET_BACK)


async def refunded(desk: Desk) -> Bill:
    """An issued sale whose nota is being cancelled, by an issuer whose clock was set back."""
    bill = await an_issued_sale(desk)
    set_back(desk, bill)
    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.sale(bill)).status == "cancelling"
    return bill


def ends(desk: Desk, bill: Bill, status: str) -> None:
    """The issuer is done with a nota, by its own clock, and tells nobody."""
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), status)


async def test_a_cancellation_by_a_clock_set_back_is_taken_in_within_seconds_of_its_news(
    desk: Desk,
) -> None:
    bill = await refunded(desk)
    ends(desk, bill, "Cancelada")

    await told(desk, bill)

    assert await until(desk, bill, "cancelled") < SOON
    assert (await desk.nota(bill)).status == "cancelled"
    assert asked(desk, "DELETE") == 1


async def test_one_that_was_refused_by_a_clock_set_back_is_settled_in_minutes(desk: Desk) -> None:
    bill = await refunded(desk)
    ends(desk, bill, "CancelamentoNegado")
    await told(desk, bill)

    await until(desk, bill, "cancel_refused")

    assert (await desk.nota(bill)).changed_at is not None
    ends(desk, bill, "Cancelada")  # by the clock that counts from now on
    await told(desk, bill)
    assert await until(desk, bill, "cancelled") < SOON


async def pending(desk: Desk) -> Bill:
    """A sale whose nota is on its way, as the issuer has said."""
    desk.company.faults.progress = (1, 1, 1, 100_000, 1)
    bill = await desk.sold()
    await desk.work()
    desk.sandbox.clock.advance(20)
    await looked_at(desk, bill, 1)
    assert (await desk.nota(bill)).changed_at is not None
    return bill


@pytest.mark.parametrize(
    ("status", "ours"), [("Autorizada", "issued"), ("Negada", "denied"), ("Cancelada", "cancelled")]
)
async def test_every_end_by_a_clock_set_back_is_settled_in_minutes(
    desk: Desk, status: str, ours: str
) -> None:
    bill = await pending(desk)
    set_back(desk, bill)
    ends(desk, bill, status)

    await told(desk, bill)

    await until(desk, bill, ours)
    assert (await desk.nota(bill)).tied is None


async def test_one_sent_again_under_a_clock_set_back_is_followed_to_its_end(desk: Desk) -> None:
    bill = await a_denied_sale(desk)
    set_back(desk, bill)
    desk.company.faults.progress = (1, 1, 1, 100_000, 1)
    desk.company.weather.add(kind="hang_up", when="after", count=1, method="POST")
    again = Asked(action="retry", reason="certificado renovado", by="ana")
    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], again)
    await desk.work()
    assert (await desk.sale(bill)).status == "uncertain"

    await until(desk, bill, "issuing")
    ends(desk, bill, "Autorizada")
    await told(desk, bill)

    await until(desk, bill, "issued")
    assert len(desk.notas_of(bill)) == 1


async def test_one_denied_again_under_a_clock_set_back_is_denied_again(desk: Desk) -> None:
    bill = await a_denied_sale(desk)
    set_back(desk, bill)
    again = Asked(action="retry", reason="certificado renovado", by="ana")
    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], again)
    await desk.work()
    assert (await desk.sale(bill)).status == "issuing"
    ends(desk, bill, "Negada")

    await told(desk, bill)

    await until(desk, bill, "denied")


async def test_a_denied_one_that_became_valid_by_a_clock_set_back_is_issued(desk: Desk) -> None:
    bill = await a_denied_sale(desk)
    set_back(desk, bill)
    ends(desk, bill, "Autorizada")

    await told(desk, bill)

    await until(desk, bill, "issued")


async def test_a_copy_from_before_moves_nothing_that_stands(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    nota = only_nota(desk, bill)
    nota.status, nota.changed = "EmProcessoDeAutorizacao", nota.changed - SET_BACK

    await told(desk, bill)
    await looked_at(desk, bill, 5)

    assert (await desk.sale(bill)).status == "issued"


async def test_a_pdf_made_by_a_clock_set_back_is_there(desk: Desk) -> None:
    desk.company.faults.progress = (1, 1, 1, 1, 100_000)
    bill = await desk.sold()
    await desk.work()
    desk.sandbox.clock.advance(60)
    await told(desk, bill)
    assert not (await desk.nota(bill)).has_pdf
    set_back(desk, bill)
    ends(desk, bill, "Autorizada")

    await told(desk, bill)

    assert (await desk.nota(bill)).has_pdf
    assert (await desk.sale(bill)).status == "issued"


async def test_a_pdf_nobody_told_of_is_asked_for(desk: Desk) -> None:
    bill, _ = await of_one_without_its_pdf(desk)

    await looked_at(desk, bill, 1)

    assert (await desk.nota(bill)).has_pdf
    assert await rests(desk, bill) is None


def hidden(desk: Desk, nota: Nota) -> None:
    desk.company.faults.stale_reads = 10
    assert nota.before is not None


async def of_a_pending(desk: Desk) -> tuple[Bill, str]:
    bill = await pending(desk)
    ends(desk, bill, "Autorizada")
    return bill, "issued"


async def of_a_cancelling(desk: Desk) -> tuple[Bill, str]:
    bill = await an_issued_sale(desk)
    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await desk.work()
    desk.sandbox.clock.advance(5)
    ends(desk, bill, "Cancelada")
    return bill, "cancelled"


async def of_one_without_its_pdf(desk: Desk) -> tuple[Bill, str]:
    desk.company.faults.progress = (1, 1, 1, 1, 100_000)
    bill = await desk.sold()
    await desk.work()
    desk.sandbox.clock.advance(60)
    await told(desk, bill)
    desk.sandbox.clock.advance(5)
    ends(desk, bill, "Autorizada")
    return bill, "issued"


async def of_an_issued(desk: Desk) -> tuple[Bill, str]:
    bill = await an_issued_sale(desk)
    desk.sandbox.clock.advance(5)
    ends(desk, bill, "Cancelada")
    return bill, "cancelled"


async def of_a_denied(desk: Desk) -> tuple[Bill, str]:
    bill = await a_denied_sale(desk)
    desk.sandbox.clock.advance(5)
    ends(desk, bill, "Autorizada")
    return bill, "issued"


async def of_one_not_cancelled(desk: Desk) -> tuple[Bill, str]:
    bill, _ = await of_a_cancelling(desk)
    ends(desk, bill, "CancelamentoNegado")
    await told(desk, bill)
    assert (await desk.sale(bill)).status == "cancel_refused"
    desk.sandbox.clock.advance(5)
    ends(desk, bill, "Cancelada")
    return bill, "cancelled"


AT_WORK = (of_a_pending, of_a_cancelling, of_one_without_its_pdf)
AT_REST = (of_an_issued, of_a_denied, of_one_not_cancelled)


@pytest.mark.parametrize("scene", [*AT_WORK, *AT_REST])
async def test_news_that_is_not_shown_yet_is_looked_for_again_and_again(
    desk: Desk, scene: Callable[[Desk], Awaitable[tuple[Bill, str]]]
) -> None:
    bill, status = await scene(desk)
    await wait(desk, timedelta(hours=3))  # long ago: looks have become rare
    hidden(desk, only_nota(desk, bill))

    await told(desk, bill)

    rested = await looked_at(desk, bill, 5)
    assert rested[0] < SOON
    assert sum(rested, timedelta()) < timedelta(seconds=40)
    assert rested[-1] > 3 * rested[0]  # ever more rarely

    await told(desk, bill)  # and after more news as soon as before
    assert (await looked_at(desk, bill, 1))[0] < SOON

    desk.company.faults.stale_reads = 0
    await looked_at(desk, bill, 1)
    assert (await desk.sale(bill)).status == status
    assert (await desk.nota(bill)).has_pdf or status != "issued"


async def test_news_of_one_in_doubt_has_it_looked_up_before_its_turn(desk: Desk) -> None:
    desk.company.faults.late_seconds = 1000
    bill = await desk.sold()
    await desk.work()
    before = await desk.nota(bill)
    assert before.status == "uncertain"

    await told(desk, bill)
    rest = await rests(desk, bill)
    assert rest is not None
    assert rest < SOON
    assert (await desk.nota(bill)).lookups == before.lookups  # it counts for no sending again
    assert (await desk.nota(bill)).look_up_at == before.look_up_at

    desk.sandbox.clock.advance(1001)
    await looked_at(desk, bill, 1)

    assert (await desk.sale(bill)).status == "issuing"
    assert asked(desk, "POST") == 1


async def test_news_is_looked_up_while_vindi_says_nothing_of_the_bill(desk: Desk) -> None:
    bill = await pending(desk)
    ends(desk, bill, "Autorizada")
    desk.account.weather.add(status=500, percent=100)
    await desk.heard(BillId(bill.id))

    await told(desk, bill)

    assert (await desk.nota(bill)).status == "issued"


async def test_nothing_is_sent_again_before_what_is_new_of_its_bill_is_read(desk: Desk) -> None:
    bill = await in_doubt(desk)
    before = asked(desk, "POST")
    desk.account.weather.add(status=500, percent=100)
    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await told(desk, bill)
    await looked_at(desk, bill, 6)
    assert (await desk.sale(bill)).status == "uncertain"

    desk.account.weather.clear()
    await desk.later()
    await desk.work()
    await desk.later()
    await desk.work()

    assert (await desk.sale(bill)).status == "skipped"
    assert asked(desk, "POST") == before


async def test_what_waited_for_a_refused_key_goes_on_when_that_is_mended(desk: Desk) -> None:
    bill = await pending(desk)
    ends(desk, bill, "Autorizada")
    async with desk.pool.acquire() as conn, conn.transaction():
        await connections_store.block(conn, desk.tenant, "issuer", "issuer_key_refused", "-")
    await told(desk, bill)
    rest = await rests(desk, bill)
    assert rest is not None
    assert rest > timedelta(minutes=1)

    async with desk.pool.acquire() as conn, conn.transaction():
        assert await connections_store.unblock(conn, desk.tenant, "issuer")
        await go_on(conn, desk.tenant, codes_of("issuer"))
    await desk.work()

    assert (await desk.sale(bill)).status == "issued"
