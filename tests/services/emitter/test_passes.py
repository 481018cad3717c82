"""Passes: at once for one sale on a quiet system, together where sales stream in."""

import asyncio
import time
from collections.abc import Callable

import pytest

from services.emitter.dispatch import Dispatcher
from services.emitter.loop import Loop
from services.emitter.pace import BUSY, FEW_TOGETHER, TOGETHER, Pace
from services.emitter.room import BATCH, BATCHES_A_TENANT, SALES_AT_ONCE
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import LIVE, RECONCILE, Lane, Mark
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk

FARTHEST = TOGETHER.total_seconds()


class Hands:
    """A clock, and a processor's, that are moved by hand."""

    def __init__(self) -> None:
        self.now = self.used = 0.0

    def pace(self) -> Pace:
        return Pace(clock=lambda: self.now, used=lambda: self.used)

    def pass_by(self, pace: Pace, seconds: float, *, share: float) -> float:
        """Have time go by, in passes, while the process takes that share of a processor."""
        gap = 0.0
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            self.used += 0.05 * share
            gap = pace.gap(late=False)
        return gap


def test_a_process_that_does_little_waits_for_nobody() -> None:
    hands = Hands()
    pace = hands.pace()

    assert hands.pass_by(pace, 60, share=0.02) < FARTHEST / 20


def test_the_busier_a_process_is_the_farther_apart_its_passes_begin() -> None:
    hands = Hands()
    pace = hands.pace()

    half = hands.pass_by(pace, 10, share=BUSY / 2)
    whole = hands.pass_by(pace, 10, share=1.0)
    rested = hands.pass_by(pace, 10, share=0.0)

    assert half == pytest.approx(FARTHEST / 2, rel=0.05)
    assert whole == pytest.approx(FARTHEST, rel=0.05)
    assert rested < FARTHEST / 100


def test_a_burst_of_a_moment_makes_nobody_wait_for_long() -> None:
    hands = Hands()
    pace = hands.pace()
    hands.pass_by(pace, 60, share=0.0)

    assert hands.pass_by(pace, 0.1, share=1.0) < FARTHEST / 4


def test_where_processors_are_short_passes_are_as_far_apart_as_may_be() -> None:
    assert Pace().gap(late=True) == FARTHEST


def test_where_few_are_under_way_they_wait_less_for_each_other() -> None:
    hands = Hands()
    pace = hands.pace()
    hands.pass_by(pace, 60, share=1.0)

    assert pace.gap(late=False, laden=False) == FEW_TOGETHER.total_seconds() < FARTHEST / 3
    assert pace.gap(late=False, laden=True) == FARTHEST
    assert pace.gap(late=True, laden=False) == FARTHEST  # processors are short: they come late


class Claiming(Dispatcher):
    """Claims something in every pass."""

    passes = 0

    async def dispatch_once(self, _on_done: Callable[[], None]) -> int:
        self.passes += 1
        return 1


async def test_rings_that_stream_in_while_much_is_done_share_passes(desk: Desk) -> None:
    dispatcher = Claiming(tools=desk.tools, worker="busy")
    loop = Loop(dispatcher)
    loop.pace = Pace(busy=1.0, used=time.monotonic)  # as much as there is
    running = asyncio.create_task(loop.run())
    began = time.monotonic()
    rings = 0
    while time.monotonic() - began < 6 * FARTHEST:
        loop.ring()
        rings += 1
        await asyncio.sleep(0.001)
    loop.stop()
    async with asyncio.timeout(8):
        await running

    most = (time.monotonic() - began) / FEW_TOGETHER.total_seconds() + 2  # none is under way
    assert dispatcher.passes <= most
    assert rings > 2 * most


async def due(desk: Desk, first: int, count: int, lane: Lane = LIVE) -> None:
    marks = [
        Mark(tenant_id=desk.tenant, bill_id=BillId(bill), lane=lane, origin="webhook")
        for bill in range(first, first + count)
    ]
    async with desk.pool.acquire() as conn:
        await outbox_store.mark_due(conn, marks)


async def test_a_pass_that_takes_all_there_is_leaves_nothing_to_the_next(desk: Desk) -> None:
    await desk.sold()
    dispatcher = Dispatcher(tools=desk.tools, worker="one")

    assert await dispatcher.dispatch_once(lambda: None) == 1
    assert not dispatcher.left_some
    await dispatcher.drain()


@pytest.mark.parametrize("lane", [LIVE, RECONCILE])
async def test_a_pass_that_may_have_left_some_is_followed_at_once(desk: Desk, lane: Lane) -> None:
    """More than a batch of a lane, or sales of another lane."""
    batch = SALES_AT_ONCE // BATCHES_A_TENANT  # of a tenant alone
    await due(desk, 10**6, batch)
    await due(desk, 2 * 10**6, 1, lane)
    dispatcher = Dispatcher(tools=desk.tools, worker="one")
    desk.tools.ending.told = True  # nothing of it is asked for

    assert await dispatcher.dispatch_once(lambda: None) == batch
    assert dispatcher.left_some
    await dispatcher.drain()


@pytest.mark.parametrize(("pace", "batch"), [(5.0, BATCH), (50.0, 150), (1000.0, 300)])
async def test_a_batch_is_no_larger_than_what_its_issuer_takes_soon(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, pace: float, batch: int
) -> None:
    monkeypatch.setattr(type(desk.tools.clients), "issuer_pace", pace)
    await due(desk, 10**6, 400)
    dispatcher = Dispatcher(tools=desk.tools, worker="one")
    desk.tools.ending.told = True  # nothing of it is asked for

    assert await dispatcher.dispatch_once(lambda: None) == batch
    await dispatcher.drain()
