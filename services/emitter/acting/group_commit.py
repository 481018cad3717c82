"""Writes the issuer's answers down: those of a tenant that come close together share a commit."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from services.emitter.acting.write import write_answers
from services.emitter.leases import Leases
from services.emitter.planning.sale_after import Answered
from shared.db.connection import Pool
from shared.domain.ids import TenantId

# A death before the commit costs a look-up each, so answers may wait for each other, but briefly:
# commits of a dozen cost PostgreSQL and us more than the answers themselves.
LINGER: Final = timedelta(milliseconds=120)
FULL: Final = 200


@dataclass(slots=True)
class _Queue:
    """Answers of one tenant that wait for their commit."""

    waiting: list[tuple[Answered, asyncio.Future[None]]] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class GroupCommit:
    """The answers of this process on their way to the database."""

    pool: Pool
    leases: Leases
    _asking: Counter[TenantId] = field(default_factory=Counter)
    _queues: dict[TenantId, _Queue] = field(default_factory=dict)
    _writers: set[asyncio.Task[None]] = field(default_factory=set)

    def begin_asking(self, tenant: TenantId) -> None:
        """Say that an answer will come, for which others may wait, until `end_asking`."""
        self._asking[tenant] += 1

    def end_asking(self, tenant: TenantId) -> None:
        """Say that it came, or will not. A pair of calls: they are on the way of every nota."""
        self._asking[tenant] -= 1
        if not self._asking[tenant]:
            del self._asking[tenant]

    async def write(self, tenant: TenantId, answer: Answered) -> None:
        """Return once it is committed and its lease given up; raises what the database does."""
        queue = self._queues.get(tenant)
        if queue is None:
            queue = self._queues[tenant] = _Queue()
            writer = asyncio.create_task(
                self._write_all(tenant, queue), name=f"group-commit-{tenant}"
            )
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        done = asyncio.get_running_loop().create_future()
        queue.waiting.append((answer, done))
        if len(queue.waiting) >= FULL or tenant not in self._asking:
            queue.enough.set()
        await done

    async def _write_all(self, tenant: TenantId, queue: _Queue) -> None:
        while queue.waiting:
            try:
                async with asyncio.timeout(LINGER.total_seconds()):
                    await queue.enough.wait()
            except TimeoutError:
                pass
            queue.enough.clear()
            together, queue.waiting = queue.waiting, []
            await self._write(tenant, together)
        del self._queues[tenant]

    async def _write(
        self, tenant: TenantId, together: list[tuple[Answered, asyncio.Future[None]]]
    ) -> None:
        answers = [answer for answer, _ in together]
        try:
            await write_answers(self.pool, tenant, answers)
        except Exception as error:  # noqa: BLE001 - each batch that waits for it fails by it
            for _, done in together:
                if not done.done():
                    done.set_exception(error)
            return
        for answer, done in together:
            self.leases.release(answer.entry)
            if not done.done():
                done.set_result(None)
