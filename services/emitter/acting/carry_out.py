"""Writes what was planned and asks for it: what issues a nota only as far as it can leave soon."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TypeGuard

from msgspec import Struct

from services.emitter.acting.ahead import KeyRoom, KeyRooms
from services.emitter.acting.ask import Asker
from services.emitter.acting.group_commit import GroupCommit
from services.emitter.acting.in_turn import InTurn
from services.emitter.acting.write import write_plans
from services.emitter.context import TenantContext
from services.emitter.ending import Ending, ToldToStop
from services.emitter.planning.follow import after_sales, is_routine
from services.emitter.planning.stopped import in_line, said
from services.emitter.stopping.locks import give_back
from services.emitter.stopping.under_way import UnderWay
from services.emitter.work import Act, Plan
from shared.clients import Clients
from shared.db.connection import Pool
from shared.db.outbox.outbox_store import BACKFILL
from shared.telemetry import traces


class CarryOut(Struct, frozen=True, kw_only=True):
    """Carries out the plans of one batch; each ends in a row, or in its lease's end."""

    pool: Pool
    commits: GroupCommit
    clients: Clients
    ending: Ending
    rooms: KeyRooms
    in_turn: InTurn
    under_way: UnderWay
    context: TenantContext

    async def all_of(self, plans: Sequence[Plan], on_read: Callable[[], None]) -> int:
        """Write and ask for all of a batch; returns how many notas were sent or cancelled.

        `on_read` is called once only the issuer is left to be asked.
        """
        issuing = [plan for plan in plans if isinstance(plan, Act) and plan.issues]
        others = [plan for plan in plans if not (isinstance(plan, Act) and plan.issues)]
        asker = Asker(self.commits, self.context, self.clients, self.ending, self.under_way)
        async with asyncio.TaskGroup() as group:
            asked = await self._ask_others(group, asker, others, len(issuing))
            on_read()
            sent = await self._in_pieces(group, asker, issuing) if issuing else 0
        return sent + sum(1 for act in asked if act.cancels)

    async def _ask_others(
        self, group: asyncio.TaskGroup, asker: Asker, plans: Sequence[Plan], issuing: int
    ) -> list[Act]:
        """Write and ask what issues nothing; of what nobody waits for only as far as room goes."""
        tenant = self.context.tenant
        room = self.rooms.to_follow(self.context.issuers.current)
        placed = [self._in_its_place(plan, issuing, room) for plan in plans]
        took = {plan.entry.bill_id for plan in placed if self._is_in_turn(plan)}
        free = len(took)
        try:
            acts = await self._written(placed)
            for act in acts:
                task = group.create_task(asker.ask(act))
                if act.entry.bill_id in took:
                    task.add_done_callback(lambda _: room.give_back(tenant))
                    free -= 1
        finally:
            room.give_back(tenant, free)
        return acts

    def _in_its_place(self, plan: Plan, issuing: int, room: KeyRoom) -> Plan:
        """Have a question that nobody waits for stand back where sales wait for the same key.

        Each takes a turn of the key: else those of what was sent keep what is due from being sent.
        """
        if not self._is_in_turn(plan):
            return plan
        for_sales = [
            self.rooms.of(self.context.issuers.current, for_backfill=one)
            for one in {False, plan.entry.lane == BACKFILL}
        ]
        pressed = self.clients.issuer_pressed(self.context.issuers.current) or not room.free
        if pressed or any(one.waited_for or issuing > one.free for one in for_sales):
            waits = after_sales(plan, self.context.now)
            if waits is not None:
                return waits
        room.take_up(1, self.context.tenant)
        return plan

    def _is_in_turn(self, plan: Plan) -> TypeGuard[Act]:
        """Whether it is a question that nobody waits for, at the company in use."""
        return (
            isinstance(plan, Act)
            and is_routine(plan)
            and not any(self.context.place_of(one).is_left for one in plan.notas.newest.values())
        )

    async def _in_pieces(self, group: asyncio.TaskGroup, asker: Asker, plans: Sequence[Act]) -> int:
        """Write and send what issues notas, each piece when there is room for it.

        Nothing of it is written once the process is told to stop: it is decided again.
        """
        room = self.rooms.of(
            self.context.issuers.current,
            for_backfill=all(plan.entry.lane == BACKFILL for plan in plans),
        )
        plans = await self._in_line(plans, after=room.free)
        sent = 0
        while plans:
            try:
                async with self.ending.waiting():
                    number = await room.take(len(plans), self.context.tenant)
            except ToldToStop:
                await self._written(give_back(plans))
                break
            piece, plans = plans[:number], plans[number:]
            sent += await self._send(group, asker, room, piece)
        return sent

    async def _in_line(self, plans: Sequence[Act], *, after: int) -> Sequence[Act]:
        """Show what has to wait for its turn as queued; returns what is still ours to send."""
        now, later = plans[:after], plans[after:]
        if not later:
            return plans
        shown = {act.entry.bill_id for act in await self._written([in_line(one) for one in later])}
        return [*now, *(said(one) for one in later if one.entry.bill_id in shown)]

    async def _send(
        self, group: asyncio.TaskGroup, asker: Asker, room: KeyRoom, piece: Sequence[Act]
    ) -> int:
        free, tenant = len(piece), self.context.tenant
        try:
            acts = await self._written(piece)
            for act in acts:
                group.create_task(asker.ask(act)).add_done_callback(
                    lambda _: room.give_back(tenant)
                )
                free -= 1
        finally:
            room.give_back(tenant, free)
        return len(acts)

    async def _written(self, plans: Sequence[Plan]) -> list[Act]:
        """Commit plans; returns those of them that have something to ask."""
        context = self.context
        issues = any(isinstance(plan, Act) and plan.issues for plan in plans)
        async with AsyncExitStack() as turn:
            if issues:
                await turn.enter_async_context(self.in_turn.of(context.tenant))
            with traces.span("write plans", count=len(plans)):
                written = await write_plans(self.pool, context.tenant, context.standing, plans)
        return [plan for plan in written if isinstance(plan, Act)]
