"""Two reconcilers, an emitter and a webhook that are stopped at random moments while people work.

Only what a reconciler does by itself, or is asked to do behind, is in the plays here; notas, keys
and servers have `moments`.
"""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import asyncpg

from services.sandbox.vindi import operations
from services.sandbox.vindi.operations import OperationRefusedError
from services.sandbox.vindi.records import Bill
from shared.db.closing import month_files_store
from shared.db.vindi.event_days_store import name_of
from shared.domain.closing import Month
from shared.domain.ids import TenantId
from shared.domain.moment import VINDI_ZONE
from tests.journey.moments import OVER, REST, VALID
from tests.journey.pair import LEASES_OVER, PATIENCE, Pair, send

Play = Callable[[], Awaitable[None]]

# What must not be left behind once everything had its time: nothing leased or asked for waits.
LEFT: Final[dict[str, str]] = {
    "outbox": "SELECT count(*) FROM outbox WHERE state = 'leased'"
    " OR (state = 'due' AND due_at < now() - interval '5 seconds')",
    "backfills": "SELECT count(*) FROM backfills WHERE status IN ('queued', 'running')",
    "month_files": "SELECT count(*) FROM month_files WHERE state IN ('queued', 'working')",
    "pieces": "SELECT count(*) FROM month_file_pieces p JOIN month_files f"
    " USING (tenant_id, month, kind) WHERE f.state = 'ready' AND p.attempt <> f.attempt",
    "erasures": "SELECT count(*) FROM erasures WHERE state IN ('queued', 'running')"
    " AND turn_at < now() - interval '5 seconds'",
    "bulk_jobs": "SELECT count(*) FROM bulk_jobs WHERE ended_at IS NULL",
    "issuer_days": "SELECT count(*) FROM issuer_days"
    " WHERE wanted_at IS NOT NULL AND (read_at IS NULL OR read_at < wanted_at)",
    "passes": "SELECT count(*) FROM reconciler_passes"
    " WHERE complete_at IS NULL OR complete_at < now() - interval '15 seconds'",
    "days": "SELECT 7 - count(*) FROM generate_series(1, 7) AS ahead"
    " WHERE to_regclass('events_' || to_char((now() AT TIME ZONE 'UTC')::date"
    " + ahead::int, 'YYYYMMDD')) IS NOT NULL",
}
DELIVERIES: Final = (
    "SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'"
    " AND EXISTS (SELECT FROM status_webhooks)"
)


@dataclass(slots=True, kw_only=True)
class Stops:
    """One run; `told` is what was done so far, to be shown where something is wrong."""

    pair: Pair
    rng: random.Random
    told: list[str] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def tell(self, what: str) -> None:
        self.told.append(f"{time.monotonic() - self.began:6.2f} {what}")

    async def api(self, method: str, path: str, body: Any = None) -> None:
        """A call that may be refused, or meet a process that stands still."""
        with suppress(aiohttp.ClientError, TimeoutError, AssertionError):
            async with asyncio.timeout(2):
                await self.pair.api(method, f"{self.pair.here}{path}", body)

    def some_bill(self) -> Bill | None:
        return self.rng.choice(self.bills) if self.bills else None

    # what people do

    async def sale(self) -> None:
        heard = self.rng.random() < 0.5
        ago = self.rng.choice([None, None, timedelta(days=3)])
        details = {} if ago is None else {"paid_at": (datetime.now(UTC) - ago).isoformat()}
        self.bills.append(self.pair.system.sell(events=heard, **details))

    async def refund(self) -> None:
        if bill := self.some_bill():
            with suppress(OperationRefusedError, ValueError):
                events = self.rng.random() < 0.5
                operations.refund(self.pair.system.account, bill_id=bill.id, events=events)
                self.tell(f"{bill.id} refunded, told: {events}")

    async def person(self) -> None:
        if bill := self.some_bill():
            action = self.rng.choice(["hold", "release", "issue", "retry", "cancel"])
            self.tell(f"{bill.id} {action}")
            await self.api("POST", f"/sales/{bill.id}/{action}", {"reason": "acaso"})

    async def many(self) -> None:
        if self.bills:
            action = self.rng.choice(["hold", "release", "issue"])
            some = self.rng.sample(self.bills, min(3, len(self.bills)))
            body = {"action": action, "bill_ids": [bill.id for bill in some], "reason": "acaso"}
            self.tell(f"many: {action} {body['bill_ids']}")
            await self.api("POST", "/sales/actions", body)

    async def backfill(self) -> None:
        dry = self.rng.random() < 0.3
        self.tell(f"backfill, dry: {dry}")
        await self.api("POST", "/backfills", self._backfill(dry=dry))

    def _backfill(self, *, dry: bool) -> dict[str, Any]:
        since = (datetime.now(UTC) - timedelta(days=6)).date().isoformat()
        return {"since": since, "dry_run": dry, "requested_by": "ana", "reason": "acaso"}

    async def month_file(self) -> None:
        today = datetime.now(VINDI_ZONE).date()
        self.tell("month file")
        conn = await asyncpg.connect(self.pair.database)
        try:
            await month_files_store.ask(
                conn,
                TenantId(self.pair.system.tenant),
                Month(year=today.year, month=today.month),
                self.rng.choice(month_files_store.KINDS),
                by="ana",
            )
        finally:
            await conn.close()

    async def erasure(self) -> None:
        if bill := self.some_bill():
            self.tell(f"{bill.id}: its customer is erased")
            subject = {"customer_id": bill.customer_id, "ticket": "LGPD 1", "reason": "pedido"}
            await self.api("POST", "/privacy/erasures", subject)

    async def hook(self) -> None:
        if self.rng.random() < 0.3:
            self.tell("status webhook taken away")
            await self.api("DELETE", "/status-webhook")
        else:
            await self.api("PUT", "/status-webhook", {"url": self.pair.hook.url})

    async def lists(self) -> None:
        await self.pair.ask("UPDATE issuer_days SET wanted_at = now()")
        await self.pair.ask("UPDATE issuer_lists SET not_before = NULL")

    async def at_the_issuer(self) -> None:
        """A nota is cancelled in the issuer's own panel; nobody is told but by its list."""
        notas = [one for one in self.pair.system.company.notas.values() if one.status in VALID]
        if notas:
            nota = self.rng.choice(notas)
            self.tell(f"{nota.external_id} cancelled at the issuer")
            self.pair.system.sandbox.enotas.machine.force(
                self.pair.system.company, nota, "Cancelada"
            )

    async def day_dropped(self) -> None:
        """The days ahead lack one: it is made again."""
        day = datetime.now(UTC).date() + timedelta(days=self.rng.randint(3, 7))
        with suppress(asyncpg.PostgresError):
            await self.pair.ask("SET lock_timeout = '1s'")
            await self.pair.ask(f"DROP TABLE IF EXISTS {name_of(day)}")

    async def pause(self) -> None:
        self.tell("paused and active")
        await self.api("POST", "/pause", {"reason": "acaso"})
        await asyncio.sleep(self.rng.uniform(0, 0.5))
        await self.api("POST", "/activate")

    def plays(self) -> list[tuple[int, Play]]:
        return [
            (12, self.sale), (5, self.refund), (6, self.person), (2, self.many), (3, self.backfill),
            (3, self.month_file), (1, self.erasure), (3, self.hook), (3, self.lists),
            (2, self.at_the_issuer), (1, self.day_dropped), (1, self.pause),
        ]  # fmt: skip

    # what happens to processes

    async def stop_one(self) -> None:
        """The one that is awake stands still until its leases are over, the other has its work."""
        pair, other = self.pair, self.rng.choice([None, None, "emitter", "webhook"])
        also = [] if other is None else [pair.system.services[other]]
        seconds = self.rng.uniform(LEASES_OVER, LEASES_OVER + 1.5)
        self.tell(f"{pair.awake.port} {other or ''} stand still for {seconds:.1f}")
        for one in (pair.awake, *also):
            send(one, signal.SIGSTOP)
        send(pair.asleep, signal.SIGCONT)
        pair.awake, pair.asleep = pair.asleep, pair.awake
        await asyncio.sleep(seconds)
        for one in (pair.asleep, *also):
            send(one, signal.SIGCONT)
        self.tell("all go on")

    async def go_on(self, stops: int) -> None:
        """Let people work while processes are stopped so often, one time after the other."""
        stopping = asyncio.create_task(self._stop(stops))
        weights, ways = zip(*self.plays(), strict=True)
        running: set[asyncio.Task[None]] = set()
        while not stopping.done():
            (way,) = self.rng.choices(ways, weights)
            running.add(asyncio.create_task(_played(way)))
            await asyncio.sleep(self.rng.uniform(0.02, 0.4))
        await asyncio.gather(stopping, *running)

    async def _stop(self, stops: int) -> None:
        for _ in range(stops):
            await asyncio.sleep(self.rng.uniform(0.1, 0.9))
            await self.stop_one()

    async def calm(self) -> None:
        """Nobody holds anything back any more, and the issuer's list is read once more."""
        pair = self.pair
        async with asyncio.timeout(PATIENCE):
            for one in (pair.awake, pair.asleep):
                await one.ready(pair.system.http)
        await pair.api("POST", f"{pair.here}/activate")
        await self.lists()
        # Of what was sold days ago and nobody told of only a backfill, or the night's, knows.
        open_ = LEFT["backfills"]
        await pair.until(lambda: self._none(open_), "a backfill has not ended")
        await pair.api("POST", f"{pair.here}/backfills", self._backfill(dry=False))

    async def _none(self, sql: str) -> bool:
        return not await self.pair.ask(sql)

    async def wrong(self) -> list[str]:
        """What is not as it has to be, once everything had its time; empty if all is."""
        deadline = time.monotonic() + PATIENCE
        while found := [*await self._left(), *await self._notas()]:
            if time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.5)
        return []

    async def _left(self) -> list[str]:
        rows = {**LEFT, "deliveries": DELIVERIES}
        counts = {name: await self.pair.ask(sql) for name, sql in rows.items()}
        return [f"{name}: {count} left" for name, count in counts.items() if count]

    async def _notas(self) -> list[str]:
        found = []
        for bill in self.bills:
            notas = self.pair.system.notas_of(bill)
            valid = [one for one in notas if one.status in VALID]
            open_ = [one for one in notas if one.status not in VALID | OVER]
            status = await self.pair.status(bill.id)
            ids = [one.external_id for one in notas]
            said = [(one.external_id, one.status) for one in notas]
            if len(ids) != len(set(ids)):
                found.append(f"{bill.id}: sent twice {ids}")
            if open_ or status not in REST or len(valid) != (status == "issued"):
                found.append(f"{bill.id}: {status} with {said}")
        return found


async def _played(way: Play) -> None:
    with suppress(aiohttp.ClientError, OSError):
        await way()
