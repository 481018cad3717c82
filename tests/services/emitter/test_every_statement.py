"""The emitter is interrupted at each statement of its work in turn: the end is always the same."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest
import pytest_asyncio

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.outbox import outbox_wakes
from shared.db.tenants import rules_store, tenants_store
from shared.domain.ids import BillId
from shared.domain.rule import Rule
from tests.services.emitter.conftest import Desk
from tests.services.emitter.interrupted import (
    Interruption,
    Meanwhile,
    Shown,
    a_process,
    cut_off,
    goes_on,
    killed,
    refused,
    shown,
    told_to_stop,
)
from tests.services.emitter.test_part_wishes import ask_part
from tests.services.emitter.test_parts import SERVICES, settle, sold_mixed
from tests.services.emitter.test_substitution import an_issued_sale as an_old_sale
from tests.services.emitter.test_substitution import substitute
from tests.support.statement_proxy import StatementProxy, When, statement_proxy

# Of so many statements one is tried; with 1 every one of them, which takes some ten minutes.
EVERY: Final = int(os.environ.get("NOTAPONTE_STATEMENTS", "97"))
FEW: Final = EVERY > 10  # then each is tried in one way of both, in turn


async def a_sale(desk: Desk) -> Bill:
    await desk.rule()
    return await desk.sold()


async def an_issued_sale(desk: Desk) -> Bill:
    bill = await a_sale(desk)
    await settle(desk)
    return bill


async def sent(desk: Desk) -> Bill:
    bill = await a_sale(desk)
    await desk.work()
    await desk.later()
    return bill


async def to_cancel(desk: Desk) -> Bill:
    bill = await an_issued_sale(desk)
    await ask_part(desk, bill, "cancel", None)
    return bill


async def refunded(desk: Desk) -> Bill:
    bill = await an_issued_sale(desk)
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    return bill


async def cancelling(desk: Desk) -> Bill:
    bill = await to_cancel(desk)
    await desk.work()
    await desk.later()
    return bill


async def to_retry(desk: Desk) -> Bill:
    bill = await a_sale(desk)
    key = f"p-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny_once", denial="service"))
    await settle(desk)
    await ask_part(desk, bill, "retry", None)
    return bill


async def to_substitute(desk: Desk) -> Bill:
    bill = await an_old_sale(desk)
    await settle(desk)
    await substitute(desk, bill)
    return bill


async def substituting(desk: Desk) -> Bill:
    bill = await to_substitute(desk)
    await desk.work()
    await desk.later()
    return bill


async def divided(desk: Desk) -> Bill:
    await desk.rule(**SERVICES)
    return await sold_mixed(desk, "40.00", "60.00")


async def divided_sent(desk: Desk) -> Bill:
    bill = await divided(desk)
    await desk.work()
    await desk.later()
    return bill


async def divided_refunded(desk: Desk) -> Bill:
    bill = await divided(desk)
    await settle(desk)
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    return bill


async def lost(desk: Desk, when: str) -> Bill:
    bill = await a_sale(desk)
    desk.company.weather.add(kind="hang_up", when=when, count=1, method="POST")
    await desk.work()
    await desk.later()
    return bill


async def nearly_repeated(desk: Desk) -> Bill:
    bill = await lost(desk, "before")
    for _ in range(2):  # the next look-up is the last one, after which it is sent again
        await desk.work()
        await desk.later()
    return bill


SCENES: Final[dict[str, Callable[[Desk], Awaitable[Bill]]]] = {
    "issued": a_sale,
    "followed": sent,
    "cancelled": to_cancel,
    "cancelling": cancelling,
    "refunded": refunded,
    "sent again": to_retry,
    "substituted": to_substitute,
    "substituting": substituting,
    "divided": divided,
    "divided, followed": divided_sent,
    "divided, refunded": divided_refunded,
    "in doubt, there": partial(lost, when="after"),
    "in doubt, not there": nearly_repeated,
}
# Those of one test share a database, which costs more to make than they do.
TOGETHER: Final = [list(SCENES)[nth::4] for nth in range(4)]
HOW: Final[dict[str, Callable[[int, When], Interruption]]] = {
    "killed": killed,
    "cut off": cut_off,
    "told to stop": told_to_stop,
    "in a deadlock": refused("40P01"),
    "out of time": refused("57014"),
}
REFUSED: Final = ("in a deadlock", "out of time")
PATIENCE: Final = 60.0  # seconds, of what takes one
Scene = Callable[[Desk], Awaitable[Bill]]


@pytest_asyncio.fixture
async def proxy(database: str) -> AsyncIterator[StatementProxy]:
    async with statement_proxy(database) as one:
        yield one


async def undisturbed(desk: Desk, proxy: StatementProxy, scene: Scene) -> tuple[Shown, int]:
    """How a scene ends by itself, and how many statements that takes."""
    bill = await scene(desk)
    async with a_process(desk, proxy) as process:
        proxy.count_anew()
        await process.work()
    await goes_on(desk)
    return await shown(desk, bill), len(proxy.seen)


def places(count: int, first: int, whens: Sequence[When] = tuple(When)) -> list[tuple[int, When]]:
    """Which statements are tried, before they are heard and after they are done."""
    numbers = range(first % min(EVERY, count), count, EVERY)  # one at least
    if FEW:
        return [(number, whens[(first + number) // 2 % len(whens)]) for number in numbers]
    return [(number, when) for number in numbers for when in whens]


@pytest.mark.parametrize("some", TOGETHER)
async def test_an_interruption_at_any_statement_changes_nothing_in_the_end(
    desk: Desk, proxy: StatementProxy, some: Sequence[str]
) -> None:
    desk.company.faults.duplicate_in_progress = "second"
    desk.company.faults.duplicate_done = "second"
    for scene in some:
        await interrupted(desk, proxy, scene)


async def interrupted(desk: Desk, proxy: StatementProxy, scene: str) -> None:
    usual, count = await undisturbed(desk, proxy, SCENES[scene])
    turn = list(SCENES).index(scene)

    for nth, (how, begun) in enumerate(HOW.items()):
        whens = (When.UNHEARD,) if how in REFUSED else tuple(When)
        for number, when in places(count, 7 * turn + 3 * nth, whens):
            bill = await SCENES[scene](desk)
            async with a_process(desk, proxy) as process:
                proxy.count_anew(begun(number, when)(process))
                await process.work()
                where = (scene, how, when.value, number, *proxy.seen[number : number + 1])
            if how == "told to stop":
                assert await left_behind(desk) == 0, where
            await goes_on(desk)
            assert await shown(desk, bill) == usual, where
            assert desk.sandbox.enotas.invariants.report()["ok"], where


async def test_one_connection_is_enough(desk: Desk, proxy: StatementProxy) -> None:
    """Nobody waits for a connection while holding one: a pool that is spent ends no process."""
    for scene, happens in SCENES.items():
        await desk.rule()
        others = [await desk.sold() for _ in range(3)]
        bill = await happens(desk)

        async with asyncio.timeout(PATIENCE), a_process(desk, proxy, connections=1) as process:
            await process.work()
        await goes_on(desk)

        assert (await shown(desk, bill))["due"] == 0, scene
        assert all(len(desk.notas_of(one)) == 1 for one in others), scene


async def left_behind(desk: Desk) -> int:
    """What a process that was told to stop has not given back."""
    sql = """
        SELECT (SELECT count(*) FROM outbox WHERE state = 'leased')
             + (SELECT count(*) FROM notas WHERE status = 'sending' AND look_up_at IS NULL)
    """
    found: int = await desk.pool.fetchval(sql)
    return found


# Each says whether it was taken: what is refused was not said.
async def hold(desk: Desk, bill: Bill) -> bool:
    return await ask_part(desk, bill, "hold", None) is None


async def refund(desk: Desk, bill: Bill) -> bool:
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    return True


async def never(desk: Desk, bill: Bill) -> bool:
    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, desk.tenant)
        rule = Rule.model_validate({"issue_when": "never"})
        await rules_store.add(conn, desk.tenant, rule, by="pessoa")
        await outbox_wakes.wake_unsent(conn, desk.tenant)
        asked = """
            SELECT EXISTS (SELECT FROM sales WHERE bill_id = $1 AND wish IS NOT NULL)
                OR EXISTS (SELECT FROM notas WHERE bill_id = $1)
        """
        # A person's word goes before the rule's, and what was asked for once is not the rule's.
        return not await conn.fetchval(asked, bill.id)


async def pause(desk: Desk, bill: Bill) -> bool:
    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, desk.tenant)
        await tenants_store.pause(conn, desk.tenant)
    return True


NEWS: Final = {"hold": hold, "refund": refund, "never": never, "pause": pause}
ISSUES: Final = ("issued", "divided", "sent again", "substituted", "in doubt, not there")


@pytest.mark.parametrize("scene", ISSUES)
async def test_news_at_any_statement_is_not_overtaken(
    desk: Desk, proxy: StatementProxy, scene: str
) -> None:
    _, count = await undisturbed(desk, proxy, SCENES[scene])
    turn = ISSUES.index(scene)

    for nth, (news, happens) in enumerate(NEWS.items()):
        for number, when in places(count, 7 * turn + 5 * nth):
            await issue_again(desk)
            bill = await SCENES[scene](desk)
            told = News(desk=desk, bill=bill, happens=happens)
            standing = Meanwhile(number=number, when=when, happens=told.happen)
            async with a_process(desk, proxy) as process:
                proxy.count_anew(standing.of(process))
                await process.work()
                where = (news, when.value, number, *proxy.seen[number : number + 1])
                await standing.over()
            if standing.in_time and told.taken and not told.under_way:
                assert posts(desk) == told.posts, where
            await goes_on(desk)
            if news == "refund" and told.taken:  # else it had ended before so many statements
                assert "Autorizada" not in {nota.status for nota in desk.notas_of(bill)}, where
            assert desk.sandbox.enotas.invariants.report()["ok"], where


async def issue_again(desk: Desk) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, desk.tenant)
        await tenants_store.activate(conn, desk.tenant)


def posts(desk: Desk) -> int:
    return sum(call.method == "POST" for call in desk.sandbox.enotas.journal)


@dataclass(slots=True, kw_only=True)
class News:
    """Something that is committed, and what was on its way to the issuer when it was."""

    desk: Desk
    bill: Bill
    happens: Callable[[Desk, Bill], Awaitable[bool]]
    posts: int = 0
    taken: bool = False
    under_way: bool = False

    async def happen(self) -> None:
        self.taken = await self.happens(self.desk, self.bill)
        self.posts = posts(self.desk)
        sql = "SELECT count(*) FROM notas WHERE bill_id = $1 AND status = 'sending'"
        self.under_way = bool(await self.desk.pool.fetchval(sql, self.bill.id))


@pytest.mark.parametrize("some", TOGETHER)
async def test_what_another_takes_over_at_any_statement_is_done_once(
    desk: Desk, proxy: StatementProxy, some: Sequence[str]
) -> None:
    """It stands still until its leases are over, another brings all to its end, and it goes on."""
    desk.company.faults.duplicate_in_progress = "second"
    desk.company.faults.duplicate_done = "second"
    for scene in some:
        await taken_over(desk, proxy, scene)


async def taken_over(desk: Desk, proxy: StatementProxy, scene: str) -> None:
    usual, count = await undisturbed(desk, proxy, SCENES[scene])

    for number, when in places(count, 11 * list(SCENES).index(scene)):
        bill = await SCENES[scene](desk)
        async with a_process(desk, proxy) as process:
            standing = Meanwhile(
                number=number, when=when, happens=partial(goes_on, desk), lasts=True
            )
            proxy.count_anew(standing.of(process))
            await process.work()
            where = (scene, proxy.seen[number : number + 1], when.value)
            await standing.over()
        await goes_on(desk)
        assert await shown(desk, bill) == usual, where
        assert desk.sandbox.enotas.invariants.report()["ok"], where
