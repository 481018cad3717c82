"""What left this process and is not answered yet, told so that nobody waits longer than needed.

A failover loses rows, not processes: those that lived through it know what of theirs was answered.
Once a process minds a restore nothing leaves it any more that was decided before, and it says of
which sales requests of before are open. When all have said so nothing can arrive at an issuer that
the database does not know of, but for those sales: no other waits any longer (decision 0033).
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

import structlog

from shared.db.connection import Pool
from shared.db.restores import emitters_store, restores_store
from shared.db.restores.emitters_store import Sale
from shared.db.restores.restores_store import SETTLES
from shared.domain.errors import PipelineError
from shared.telemetry.severity import severity

log = structlog.get_logger()

BEAT: Final = timedelta(seconds=2)
BEAT_OFTEN: Final = timedelta(milliseconds=500)  # while somebody waits for an answer of before
DEAD_AFTER: Final = timedelta(days=1)  # whoever said nothing for so long is taken away


@dataclass(slots=True, eq=False, kw_only=True)
class Request:
    """One request that issues or cancels, as a context around it.

    Without an answer it may still be on its way when the block ends, however it ended. What the
    issuer's client raises of ours says that nothing was done.
    """

    sale: Sale
    basis: datetime | None  # the restore that was minded when it was decided
    open: set["Request"]
    left_at: float | None = None  # monotonic
    answered: bool = False

    def __enter__(self) -> Self:
        self.open.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.answered or self.left_at is None or isinstance(error, PipelineError):
            self.open.discard(self)


@dataclass(slots=True, kw_only=True)
class UnderWay:
    """The requests of this process; `registered` once the database knows that it sends."""

    registered: bool = True
    _minds: datetime | None = None  # when the restore was noticed that this process minds
    _asked_at: float = 0.0  # monotonic: when that was asked for
    _open: set[Request] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def request(self, sale: Sale, basis: datetime | None) -> Request:
        """A request that may leave in the block, decided while `basis` was the last restore."""
        return Request(sale=sale, basis=basis, open=self._open)

    def leaves(self, request: Request) -> bool:
        """Whether it may leave by what is known of restores; it is on its way if so."""
        if not self.registered or request.basis != self._minds:
            return False
        request.left_at = time.monotonic()
        return True

    def mind(self, noticed_at: datetime | None, *, asked_at: float) -> None:
        """From now on nothing leaves that was decided under another restore than this, the last.

        `asked_at`: monotonic, before the database was asked; what was asked for earlier is no news.
        """
        if asked_at < self._asked_at:
            return
        self._asked_at = asked_at
        if noticed_at != self._minds:
            self._minds = noticed_at
            self._news.set()

    def waits_for(self) -> set[Sale]:
        """Sales of which something left before the last restore and may still arrive."""
        long_ago = time.monotonic() - SETTLES.total_seconds()
        arrived = {one for one in self._open if one.left_at is not None and one.left_at < long_ago}
        self._open -= arrived
        return {
            one.sale for one in self._open if one.left_at is not None and one.basis != self._minds
        }

    async def beat_once(self, pool: Pool, emitter: str) -> bool:
        """Look for a restore, and say which is minded; whether answers of before are waited for."""
        asked_at = time.monotonic()
        async with pool.acquire() as conn:
            life, known = await restores_store.live(conn), await restores_store.itself(conn)
            restore = known.restore
            if life is not None and life != known.life:
                await restores_store.look_any_tenant(conn)
                restore = await restores_store.newest(conn)
            self.mind(None if restore is None else restore.noticed_at, asked_at=asked_at)
            minds, waits = self._minds, self.waits_for()
            await emitters_store.beat_any_tenant(
                conn, emitter, at=known.now, knows_of=minds, waits_for=waits
            )
            if not self.registered:
                await emitters_store.forget_any_tenant(conn, "", before=known.now - DEAD_AFTER)
                self.registered = True
        return bool(waits)

    async def beat_for_ever(self, pool: Pool, emitter: str) -> None:
        """Say so again and again, at once where there is news, until cancelled."""
        while True:
            rest = BEAT
            self._news.clear()
            try:
                async with asyncio.timeout(BEAT.total_seconds() * 2):
                    rest = BEAT_OFTEN if await self.beat_once(pool, emitter) else BEAT
            except Exception as error:  # noqa: BLE001 - without a word of it others wait longer
                log.log(severity(error), "emitter_not_told", error=type(error).__name__)
            try:
                async with asyncio.timeout(rest.total_seconds()):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def end(self, pool: Pool, emitter: str) -> None:
        """Take this process from those that send, if all was answered; it sends nothing more."""
        self.registered = False
        if any(one.left_at is not None for one in self._open):
            return
        try:
            async with asyncio.timeout(BEAT.total_seconds()), pool.acquire() as conn:
                now = (await restores_store.itself(conn)).now
                await emitters_store.forget_any_tenant(conn, emitter, before=now - DEAD_AFTER)
        except Exception as error:  # noqa: BLE001 - it counts as dead later
            log.log(severity(error), "emitter_not_told", error=type(error).__name__)
