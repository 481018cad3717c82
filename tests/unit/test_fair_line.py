"""Whoever has many waiting at one door lets the others pass."""

import asyncio

from shared.run.fair_line import FairLine


async def _stand(line: FairLine, whose: str, seen: list[str]) -> None:
    async with line.turn(whose):
        seen.append(whose)
        await asyncio.sleep(0)


async def test_it_goes_round_among_those_who_wait() -> None:
    line, seen = FairLine(), list[str]()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for whose in ("many",) * 6 + ("one", "two", "two"):
            group.create_task(_stand(line, whose, seen))

    assert seen == ["many", "one", "two", "many", "two", "many", "many", "many", "many"]
    assert not line.locked()


async def test_of_each_whoever_came_first_is_first() -> None:
    line, seen = FairLine(), list[int]()

    async def stand(number: int) -> None:
        async with line.turn("mine"):
            seen.append(number)
            await asyncio.sleep(0)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(stand(number))

    assert seen == [0, 1, 2, 3, 4]


async def test_who_goes_away_while_it_waits_or_is_let_in_blocks_nobody() -> None:
    line, seen = FairLine(), list[str]()
    async with asyncio.timeout(5):
        async with line.turn("first"):
            waits = asyncio.create_task(_stand(line, "waits", seen))
            let_in = asyncio.create_task(_stand(line, "let in", seen))
            last = asyncio.create_task(_stand(line, "last", seen))
            await asyncio.sleep(0)
            waits.cancel()
            await asyncio.sleep(0)
        let_in.cancel()  # it is let in already, and has not run yet
        await last

    assert seen == ["last"]
    assert not line.locked()


async def test_as_many_are_inside_as_there_are_places() -> None:
    line, seen = FairLine(2), list[str]()
    most = inside = 0

    async def stand(whose: str) -> None:
        nonlocal most, inside
        async with line.turn(whose):
            inside += 1
            most = max(most, inside)
            seen.append(whose)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for whose in ("many",) * 6 + ("one",):
            group.create_task(stand(whose))

    assert most == 2
    assert seen.index("one") <= 3
    assert not line.locked()


async def test_a_wait_that_is_broken_off_gives_back_no_place_it_never_had() -> None:
    line, waits = FairLine(), set[asyncio.Future[None]]()
    assert line.take()
    broken = asyncio.create_task(line.acquire("broken", waits))
    gone = asyncio.create_task(line.acquire("gone", waits))
    await asyncio.sleep(0)
    for place in waits:
        place.set_exception(InterruptedError())
    gone.cancel()  # it was broken off already, and has not run yet
    ends = await asyncio.gather(broken, gone, return_exceptions=True)

    assert [type(one) for one in ends] == [InterruptedError, asyncio.CancelledError]
    assert not waits
    assert line.locked()  # by who has the place
    line.release("first")
    assert not line.locked()
    assert line.take()
    assert line.locked()


async def test_more_places_let_in_those_who_wait_and_fewer_end_with_whoever_leaves() -> None:
    line = FairLine(0)
    first, second, third = (line.stand(whose) for whose in ("one", "one", "two"))

    line.resize(2)

    assert [first.done(), second.done(), third.done()] == [True, False, True]  # it goes round
    line.resize(1)
    line.release("two")
    assert not second.done()
    assert line.taken == 1
    line.release("one")
    assert second.done()
    line.release("one")
    assert line.taken == 0
    assert line.take()
    assert not line.take()


async def test_who_was_failed_in_line_is_passed_by() -> None:
    line = FairLine(1)
    assert line.take()
    failed, patient = line.stand("one"), line.stand("one")
    failed.set_exception(TimeoutError())

    line.release("")

    assert patient.done()
    assert isinstance(failed.exception(), TimeoutError)
    assert line.taken == 1
