"""What was sent is asked about after what is still to be sent, for the same turns of one key."""

from datetime import UTC, datetime, timedelta

import pytest

from services.emitter.dispatch import Dispatcher
from services.emitter.planning.waits import STANDS_BACK, STANDS_BACK_UNTIL, stand_back
from shared.net.http import open_session
from tests.services.emitter.conftest import Desk, an_emitter

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
SENT = 30
TO_SEND = 30
A_SECOND = 5
PARALLEL = 2


@pytest.mark.parametrize("age", [0, 5, 40, 300])
def test_a_nota_that_was_just_sent_waits_the_longer_the_older_it_is(age: int) -> None:
    later = stand_back(NOW - timedelta(seconds=age), NOW)

    assert later is not None
    assert later - NOW >= max(STANDS_BACK, timedelta(seconds=age) / 2)


def test_a_nota_is_not_left_unasked_for_ever() -> None:
    assert stand_back(NOW - STANDS_BACK_UNTIL, NOW) is None
    assert stand_back(None, NOW) is None


async def asked(desk: Desk) -> list[str]:
    """The methods of all requests of the notas that the issuer got, in order."""
    return [one.method for one in desk.sandbox.enotas.journal if "/nfes" in one.path]


async def test_sales_that_are_due_leave_before_what_was_sent_is_asked_about(desk: Desk) -> None:
    sent = [await desk.sold() for _ in range(SENT)]
    await desk.work()
    await desk.later(timedelta(minutes=1))  # all of them are due to be asked about
    before = len(await asked(desk))
    bills = [await desk.sold() for _ in range(TO_SEND)]

    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, parallel=PARALLEL, per_second=A_SECOND)
        dispatcher = Dispatcher(tools=slow, worker="slow")
        await dispatcher.dispatch_once(lambda: None)
        await dispatcher.drain()
    while_sending = (await asked(desk))[before:]
    for _ in range(2):  # what was put back is sent, then all of it is asked about
        await desk.later()
        await desk.work()

    assert while_sending.count("POST") > TO_SEND // 2  # the others wait for their turn in the queue
    assert while_sending.count("GET") <= PARALLEL
    assert all(len(desk.notas_of(bill)) == 1 for bill in (*sent, *bills))
    assert {(await desk.sale(bill)).status for bill in (*sent, *bills)} == {"issued"}
    tries = await desk.pool.fetchval("SELECT max(tries) FROM outbox")
    assert tries == 0  # to stand back is no failure


async def test_without_sales_to_send_what_was_sent_is_asked_about_at_once(desk: Desk) -> None:
    sent = [await desk.sold() for _ in range(SENT)]
    await desk.work()
    await desk.later(timedelta(minutes=1))

    await desk.work()

    assert {(await desk.sale(bill)).status for bill in sent} == {"issued"}
