"""Places that go round, whatever order people come, leave, go away and are told to go away in."""

import asyncio
from collections.abc import Sequence
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.run.fair_line import FairLine

TURNS_TO_SETTLE: Final = 4  # of the loop
WHAT: Final = ("come", "come", "leave", "leave", "take", "go away", "told to go")
# What somebody does, who it is, and how many turns pass then.
STEPS: Final = st.tuples(
    st.sampled_from(WHAT), st.integers(0, 3), st.sampled_from((0, 1, 1, TURNS_TO_SETTLE))
)


class Crowd:
    """Those who stand before a line of so many places, and those inside."""

    def __init__(self, places: int) -> None:
        self.line = FairLine(places)
        self.inside: list[tuple[str, asyncio.Event]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.waits: set[asyncio.Future[None]] = set()
        self.most = 0

    def step(self, what: str, which: int) -> None:
        match what:
            case "come":
                self.tasks.append(asyncio.create_task(self._visit("abcd"[which])))
            case "take" if self.line.take():
                self.line.release("abcd"[which])
            case "leave" if self.inside:
                self.inside[which % len(self.inside)][1].set()
            case "go away" if self.tasks:
                self.tasks[-1 - which % len(self.tasks)].cancel()
            case "told to go":
                waiting = [one for one in self.waits if not one.done()]
                if waiting:
                    sorted(waiting, key=id)[which % len(waiting)].set_exception(LookupError())

    async def _visit(self, whose: str) -> None:
        try:
            await self.line.acquire(whose, self.waits)
        except LookupError:
            return
        here = (whose, asyncio.Event())
        self.inside.append(here)
        self.most = max(self.most, len(self.inside))
        try:
            await here[1].wait()
        finally:
            self.inside.remove(here)
            self.line.release(whose)


async def passed(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def _go_through(places: int, steps: Sequence[tuple[str, int, int]]) -> None:
    crowd = Crowd(places)
    for what, which, turns in steps:
        crowd.step(what, which)
        await passed(turns)
        if turns == TURNS_TO_SETTLE:
            waiting = [one for one in crowd.waits if not one.done()]
            assert not waiting or len(crowd.inside) == places  # nobody waits before a free place
    while not all(task.done() for task in crowd.tasks):
        await passed(TURNS_TO_SETTLE)
        assert crowd.inside or all(task.done() for task in crowd.tasks)  # nobody is forgotten
        for _, leaves in crowd.inside:
            leaves.set()
    await asyncio.gather(*crowd.tasks, return_exceptions=True)
    assert crowd.most <= places
    assert not crowd.waits
    assert [crowd.line.take() for _ in range(places + 1)] == [True] * places + [False]


@example(1, [("come", 0, 4), ("come", 1, 1), ("leave", 0, 1), ("go away", 0, 0)])  # let in, gone
@settings(max_examples=200)
@given(st.integers(1, 3), st.lists(STEPS, max_size=40))
def test_no_order_of_coming_and_going_loses_a_place_or_gives_one_too_many(
    places: int, steps: list[tuple[str, int, int]]
) -> None:
    asyncio.run(_go_through(places, steps))
