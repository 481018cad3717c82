import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shared.run.loops import Next, Periodic, beside

SOON = timedelta(milliseconds=1)
NEVER_IN_A_TEST = timedelta(hours=1)


def a_loop(
    step: Callable[[], object], *, every: timedelta = SOON, rests_first: bool = False
) -> Periodic:
    async def taken() -> object:
        return step()

    return Periodic(
        name="test", step=taken, every=every, failed="step_failed", rests_first=rests_first
    )


async def test_a_loop_outlives_what_its_steps_raise_and_says_so_each_time() -> None:
    taken: list[int] = []

    def step() -> Next | None:
        taken.append(1)
        if len(taken) < 3:
            raise ConnectionError
        return Next.NEVER

    with capture_logs() as logs:
        await a_loop(step).run()

    assert len(taken) == 3
    told = {"event": "step_failed", "loop": "test", "error": "ConnectionError"}
    assert logs == [told | {"log_level": "warning"}] * 2


async def test_a_loop_with_work_left_does_not_rest() -> None:
    answers = iter([Next.AT_ONCE, Next.AT_ONCE, Next.NEVER])

    await a_loop(lambda: next(answers), every=NEVER_IN_A_TEST).run()

    assert next(answers, None) is None


async def test_a_loop_that_rests_first_takes_no_step_before() -> None:
    async with beside(test=a_loop(pytest.fail, every=NEVER_IN_A_TEST, rests_first=True).run):
        await asyncio.sleep(0)


async def test_what_runs_beside_ends_with_the_block_and_a_bug_in_one_ends_no_other() -> None:
    broke, went_on, tidied = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def breaks() -> None:
        broke.set()
        raise AssertionError

    async def goes_on() -> None:
        try:
            await broke.wait()
            went_on.set()
            await asyncio.Event().wait()
        finally:
            tidied.set()

    with capture_logs() as logs:
        async with beside(breaks=breaks, goes_on=goes_on):
            await went_on.wait()

    assert tidied.is_set()
    assert [(line["event"], line["loop"]) for line in logs] == [
        ("background_loop_failed", "breaks")
    ]
