"""Delivers webhooks: attempts, time-outs, and a ladder of retries on the sandbox's clock."""

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from services.sandbox.clock import Clock

PARALLEL = 256


@dataclass(slots=True, kw_only=True)
class Parcel:
    """One delivery: where, what, and how it went.

    `render` is called at every attempt, since Vindi seems to render the object when
    it sends it. `ladder` holds the waits in seconds before the second and later tries.
    """

    id: int
    url: str
    label: str
    render: Callable[[], bytes]
    headers: dict[str, str]
    patience: float
    ladder: tuple[float, ...]
    state: str = "waiting"  # waiting | acked | given_up
    statuses: list[int] = field(default_factory=list)  # 0 stands for no answer


class Courier:
    """Sends parcels and counts what became of them; never follows a redirect.

    Counts: queued, attempts, acked, failed (attempts without a 2XX), given_up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(PARALLEL)
        self._ids = itertools.count(1)
        self.counts: Counter[str] = Counter()
        self.parcels: deque[Parcel] = deque(maxlen=20_000)
        self.slowness = 0.0  # real seconds before each attempt

    def post(
        self,
        url: str,
        render: Callable[[], bytes],
        *,
        label: str,
        headers: dict[str, str],
        at: float | None = None,
        patience: float = 20.0,
        ladder: tuple[float, ...] = (),
    ) -> Parcel:
        """Take a parcel; `at` is the sandbox instant of its first attempt."""
        parcel = Parcel(
            id=next(self._ids), url=url, label=label, render=render, headers=headers,
            patience=patience, ladder=ladder,
        )  # fmt: skip
        self.parcels.append(parcel)
        self.counts["queued"] += 1
        self._clock.call_at(self._clock.now() if at is None else at, lambda: self._start(parcel))
        return parcel

    async def settle(self) -> None:
        """Wait until everything due by now has been tried."""
        self._clock.run_due()
        while self._running:
            await asyncio.gather(*self._running)
            self._clock.run_due()

    async def close(self) -> None:
        """Drop what is under way."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _start(self, parcel: Parcel) -> None:
        task = asyncio.get_running_loop().create_task(self._attempt(parcel))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _attempt(self, parcel: Parcel) -> None:
        async with self._slots:
            if self.slowness:
                await asyncio.sleep(self.slowness)
            status = await self._send(parcel)
        self.counts["attempts"] += 1
        parcel.statuses.append(status)
        if 200 <= status < 300:
            parcel.state = "acked"
            self.counts["acked"] += 1
        else:
            self.counts["failed"] += 1
            self._again_or_give_up(parcel)

    def _again_or_give_up(self, parcel: Parcel) -> None:
        tries = len(parcel.statuses)
        if tries > len(parcel.ladder):
            parcel.state = "given_up"
            self.counts["given_up"] += 1
            return
        again_at = self._clock.now() + parcel.ladder[tries - 1]
        self._clock.call_at(again_at, lambda: self._start(parcel))

    async def _send(self, parcel: Parcel) -> int:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=PARALLEL)
            self._session = aiohttp.ClientSession(connector=connector)
        try:
            async with self._session.post(
                parcel.url,
                data=parcel.render(),
                headers=parcel.headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=parcel.patience),
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0
