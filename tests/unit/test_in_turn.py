"""Intents of one tenant are written one after the other within a process."""

import asyncio

from services.emitter.acting.in_turn import InTurn
from shared.domain.ids import TenantId

ONE, OTHER = TenantId("taaaaaaaaaa"), TenantId("tbbbbbbbbbb")


async def test_one_writes_at_a_time_for_a_tenant_and_nobody_waits_for_another_tenant() -> None:
    turns, inside, most = InTurn(), 0, 0

    async def write(tenant: TenantId) -> None:
        nonlocal inside, most
        async with turns.of(tenant):
            inside += tenant == ONE
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= tenant == ONE

    async with asyncio.timeout(5), turns.of(OTHER), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(write(ONE))

    assert most == 1
    assert turns == InTurn()  # of those who are done nothing is kept


async def test_one_that_fails_or_goes_away_lets_the_next_one_in() -> None:
    turns, written = InTurn(), list[str]()

    async def write(name: str) -> None:
        async with turns.of(ONE):
            written.append(name)
            raise TimeoutError

    async with asyncio.timeout(5):
        async with turns.of(ONE):
            waits = [asyncio.create_task(write(name)) for name in ("gone", "fails", "last")]
            await asyncio.sleep(0)
            waits[0].cancel()
        ends = await asyncio.gather(*waits, return_exceptions=True)

    assert written == ["fails", "last"]
    assert [type(end) for end in ends] == [asyncio.CancelledError, TimeoutError, TimeoutError]
    assert turns == InTurn()
