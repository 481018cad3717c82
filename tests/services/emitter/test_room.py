"""How a process divides itself among tenants: one sale never waits behind thousands."""

import asyncio
from contextlib import ExitStack

from services.emitter.lateness import Lateness
from services.emitter.room import (
    BACKFILLS_AT_ONCE,
    BATCH,
    BATCHES_A_TENANT,
    BITE,
    BITES,
    FIRST_BATCHES,
    READING,
    SALES_AT_ONCE,
    Crowd,
)
from shared.db.outbox.outbox_store import BACKFILL, LIVE, RECONCILE, Lane
from shared.domain.ids import TenantId
from shared.run.tasks import end_task

CALM = TenantId("tcalm")


def busy(number: int) -> TenantId:
    return TenantId(f"tbusy{number:05}")


def as_much_as_it_gets(
    room: Crowd, stack: ExitStack, tenant: TenantId, due: int = 10_000, lane: Lane = LIVE
) -> int:
    """Claim for a tenant until it gets no more; how many sales it holds then."""
    held = 0
    while share := min(room.share(tenant, lane), due - held):
        stack.enter_context(room.taken(tenant, lane, share))
        held += share
    return held


def test_three_busy_tenants_leave_room_for_a_fourth() -> None:
    room = Crowd()
    with ExitStack() as stack:
        held = [as_much_as_it_gets(room, stack, busy(n)) for n in range(3)]

        assert held == [BATCHES_A_TENANT * BATCH] * 3
        assert room.share(CALM, LIVE) >= 1


def test_what_may_be_under_way_is_divided_among_those_who_have_work() -> None:
    for number, batch in ((1, 300), (2, 150), (3, BATCH), (4, BATCH), (60, BATCH)):
        room = Crowd()
        tenants = [busy(n) for n in range(number)]
        room.forget_all_but(tenants)
        with ExitStack() as stack:
            assert [room.share(tenant, LIVE) for tenant in tenants] == [batch] * number
            held = [as_much_as_it_gets(room, stack, tenant) for tenant in tenants]
            assert sum(held[:3]) == min(number, 3) * BATCHES_A_TENANT * batch <= SALES_AT_ONCE
            assert room.share(CALM, LIVE) >= 1


def test_who_only_asks_takes_nothing_from_who_sells() -> None:
    room = Crowd()
    with ExitStack() as stack:
        for n in range(5):
            stack.enter_context(room.taken(busy(n), LIVE, BATCH, asking=True))
        room.forget_all_but([CALM])

        assert room.share(CALM, LIVE) == 300

        stack.enter_context(room.taken(busy(0), LIVE, BATCH))  # sells now
        room.forget_all_but([CALM])

        assert room.share(CALM, LIVE) == 150


def test_who_has_come_since_is_counted_before_the_next_batch() -> None:
    room = Crowd()
    room.forget_all_but([busy(0)])
    with ExitStack() as stack:
        stack.enter_context(room.taken(busy(0), LIVE, room.share(busy(0), LIVE)))

        room.forget_all_but([CALM])  # of the other nothing is due, and a batch runs

        assert room.share(busy(0), LIVE) == 150


def test_however_many_are_busy_a_newcomer_gets_its_sale_in() -> None:
    for number in (12, 50, FIRST_BATCHES, FIRST_BATCHES + BITES // 2):
        room = Crowd()
        with ExitStack() as stack:
            for n in range(number):
                assert as_much_as_it_gets(room, stack, busy(n)) >= BITE
            assert room.share(CALM, LIVE) >= 1


def test_a_place_that_comes_free_goes_to_whoever_was_served_longest_ago() -> None:
    room = Crowd()
    many = [busy(n) for n in range(FIRST_BATCHES + BITES)]
    with ExitStack() as stack:
        bites = [ExitStack() for _ in many]
        for tenant, bite in zip(many, bites, strict=True):
            stack.enter_context(bite)
            bite.enter_context(room.taken(tenant, LIVE, room.share(tenant, LIVE)))
        assert room.share(CALM, LIVE) == 0

        bites[-1].close()

        first, *_ = room.in_turn([*many, CALM])
        assert first == CALM
        assert room.share(first, LIVE) == BITE


def test_the_first_batch_of_each_tenant_comes_before_the_second_of_any() -> None:
    room = Crowd()
    with ExitStack() as stack:
        for n in range(SALES_AT_ONCE // BATCH):
            stack.enter_context(room.taken(busy(n), LIVE, BATCH))

        assert room.share(busy(0), LIVE) == 0
        assert room.share(busy(99), LIVE) == BATCH


def test_a_sale_of_today_waits_for_no_other_lane_of_its_own_tenant() -> None:
    room = Crowd()
    with ExitStack() as stack:
        for n in range(20):
            for lane in (RECONCILE, BACKFILL):
                as_much_as_it_gets(room, stack, busy(n), lane=lane)

        assert room.share(busy(3), LIVE) == BATCH


def test_only_some_batches_are_read_at_once_and_a_batch_at_the_issuer_is_none_of_them() -> None:
    room = Crowd()
    with ExitStack() as stack:
        read = [stack.enter_context(room.taken(busy(n), LIVE, BATCH)) for n in range(READING)]
        stack.enter_context(room.taken(CALM, LIVE, 1))
        assert room.reads_enough(late=False)

        read[0]()
        read[0]()

        assert not room.reads_enough(late=False)
        stack.enter_context(room.taken(busy(99), LIVE, BATCH))
        assert room.reads_enough(late=False)


def test_a_process_that_comes_late_takes_on_no_more_whole_batches_and_keeps_some() -> None:
    room = Crowd()
    with ExitStack() as stack:
        for n in range(READING):
            assert not room.reads_enough(late=True)
            stack.enter_context(room.taken(busy(n), LIVE, BATCH))()

        assert room.reads_enough(late=True)
        assert not room.reads_enough(late=False)
        assert room.share(CALM, LIVE) >= 1


def test_lateness_is_the_worst_of_late_and_passes() -> None:
    lateness = Lateness()
    for seconds in (0.0, 0.4, 0.0):
        lateness.note(seconds)
    assert lateness.too_late

    for _ in range(60):
        lateness.note(0.001)
    assert not lateness.too_late


async def test_lateness_passes_as_fast_at_rest_as_at_work() -> None:
    lateness = Lateness(seconds=1.0)
    watching = asyncio.create_task(lateness.watch_for_ever(works=lambda: False))
    try:
        async with asyncio.timeout(60):
            while lateness.seconds == 1.0:
                await asyncio.sleep(0.01)
    finally:
        await end_task(watching)
    assert lateness.seconds < 0.6  # after one look, which is as long as ten at work


def test_backfills_leave_most_of_a_process_alone() -> None:
    room = Crowd()
    with ExitStack() as stack:
        held = [as_much_as_it_gets(room, stack, busy(n), lane=BACKFILL) for n in range(20)]

    assert sum(1 for number in held if number) == BACKFILLS_AT_ONCE
    assert max(held) == BATCH


def test_what_is_over_is_forgotten() -> None:
    room = Crowd()
    with ExitStack() as stack:
        for n in range(50):
            as_much_as_it_gets(room, stack, busy(n))
    room.forget_all_but([])

    assert room == Crowd(_turn=room._turn)
