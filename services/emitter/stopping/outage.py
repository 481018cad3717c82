"""What breakers let through: an outage is a state, not a failed attempt of each sale (D12).

So is a company that may not issue: what refuses one of its sales would refuse each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final

import structlog
from msgspec.structs import replace
from prometheus_client import Counter

from services.emitter.planning.stopped import Queued, stopped
from services.emitter.work import Act, Known, Plan, Rest, settle
from shared.db.connection import Connection, Pool
from shared.db.outbox import outbox_wakes
from shared.db.outbox.outbox_store import Entry
from shared.db.tenants import issuer_health_store
from shared.domain.breaker import (
    NOTHING_MET,
    Breaker,
    Outcomes,
    Scope,
    after,
    again_at,
    opens,
    room,
    take,
)
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import SaleStatus
from shared.issuer.errors import NOT_THEIRS

log = structlog.get_logger()

CHANGES: Final = Counter(
    "notaponte_breaker_changes_total", "Breakers that changed state.", ["scope", "state"]
)
POSTPONED: Final = Counter(
    "notaponte_postponed_by_breaker_total", "Sales put off because of an outage."
)
OUT: Final = "emissor ou prefeitura fora do ar"
STOPPED: Final = "company_blocked"
STRANGE: Final = "issuer_address_suspicious"
LOOK_EVERY: Final = 1.0  # seconds between two looks at what others met meanwhile
_REQUESTS: Final[tuple[Scope, ...]] = ("issuer", "host")  # every request; a city hears only sends


@dataclass(slots=True, kw_only=True)
class Breakers:
    """The breakers of one tenant during one batch, and what the batch meets."""

    tenant: TenantId
    now: datetime
    states: dict[Scope, Breaker]
    _met: dict[Scope, Outcomes] = field(default_factory=dict)
    _failed: bool = False  # anything at all: nothing opens without
    _cause: str | None = None  # of the company's
    _strange: bool = False  # what failed last was answered by somebody else
    _looked: float = field(default_factory=monotonic)  # all of them were read just now
    _stopped: bool = False

    def request(self, *, ok: bool, why: str = "") -> None:
        """A request got an answer of the issuer, whatever it said, or it did not, and why."""
        if not ok:
            self._strange = why == NOT_THEIRS
        for scope in _REQUESTS:
            self._note(scope, ok=ok)

    def city(self, *, ok: bool) -> None:
        """A city authorised a nota, or was away."""
        self._note("city", ok=ok)

    def company(self, *, ok: bool, cause: str | None = None) -> None:
        """The company had a nota authorised, or was refused for something that is its own."""
        self._note("company", ok=ok)
        self._cause = cause or self._cause

    async def company_stopped(self, pool: Pool) -> bool:
        """Whether the company was stopped since this batch was let through, by it or by others.

        A long batch would otherwise send what each answer by now says is refused.
        """
        known, met = self.states.get("company"), self._met.get("company")
        if (known or met) and opens(self._of("company"), met or NOTHING_MET):
            return True
        if monotonic() - self._looked >= LOOK_EVERY:
            self._looked = monotonic()
            async with pool.acquire() as conn:
                found = await issuer_health_store.company(conn, self.tenant)
            probe_at = None if known is None else known.probe_at
            anew = found is not None and found.probe_at != probe_at
            self._stopped = anew and found is not None and found.state == "open"
        return self._stopped

    @property
    def has_opened(self) -> bool:
        """Whether this batch has met enough failures: what has not left yet should not."""
        return self._failed and any(
            opens(self._of(scope), self._met.get(scope, NOTHING_MET)) for scope in _REQUESTS
        )

    @property
    def again_at(self) -> datetime:
        """When what was put off is worth another look."""
        blocked = [breaker for breaker in self.states.values() if breaker.state != "closed"]
        default = again_at(Breaker(scope="issuer", state="open", since=self.now), self.now)
        return max((again_at(breaker, self.now) for breaker in blocked), default=default)

    def room_to_send(self) -> int | None:
        """How many sales could be sent now; None for any number."""
        rooms = [room(breaker, self.now) for breaker in self.states.values()]
        return min((found for found in rooms if found is not None), default=None)

    async def admit(self, pool: Pool, plans: Sequence[Plan]) -> list[Plan]:
        """Put off what no breaker has a slot for, before anything of it is written."""
        acting = [plan for plan in plans if isinstance(plan, Act)]
        if not acting or all(breaker.state == "closed" for breaker in self.states.values()):
            return list(plans)
        sends = sum(1 for act in acting if act.issues)
        async with pool.acquire() as conn, conn.transaction():
            may_send = await self._take(conn, "city", sends)
            may_send = await self._take(conn, "company", may_send)
            may_ask = len(acting) - sends + may_send
            for scope in _REQUESTS:
                may_ask = await self._take(conn, scope, may_ask)
        return self._let_through(plans, may_send, may_ask)

    def _let_through(self, plans: Sequence[Plan], may_send: int, may_ask: int) -> list[Plan]:
        admitted: list[Plan] = []
        asks = all(self._of(scope).state == "closed" for scope in _REQUESTS)
        for plan in plans:
            if not isinstance(plan, Act):
                admitted.append(plan)
            elif may_ask and (may_send or not plan.issues):
                may_ask -= 1
                may_send -= plan.issues
                admitted.append(plan)
            else:
                POSTPONED.inc()
                waits = Queued(until=self.again_at, why=self._why)
                admitted.append(stopped(plan, waits, asks=asks))
        return admitted

    @property
    def _why(self) -> str:
        return OUT if self._of("company").state == "closed" else STOPPED

    async def report(self, pool: Pool) -> None:
        """Write down what the batch met; nothing where all went well and nothing was wrong."""
        met = {
            scope: outcomes
            for scope, outcomes in self._met.items()
            if outcomes.failures_since or not self._of(scope).clean
        }
        if not met:
            return
        mended = False
        async with pool.acquire() as conn, conn.transaction():
            now: datetime = await conn.fetchval("SELECT clock_timestamp()")
            for scope in issuer_health_store.ordered(list(met)):
                before = await issuer_health_store.lock(conn, self.tenant, scope, now)
                now_is = self._named(after(before, met[scope], now))
                await issuer_health_store.store(conn, self.tenant, now_is)
                self._tell(before, now_is)
                mended = mended or _may_go_on(before, now_is)
        if mended:  # with no breaker locked: workers lock rows of the outbox first
            async with pool.acquire() as conn, conn.transaction():
                await outbox_wakes.wake_queued(conn, self.tenant)

    def _named(self, breaker: Breaker) -> Breaker:
        """It with what stopped the company, or what is strange of the issuer, while that is so."""
        if breaker.scope in _REQUESTS:
            return self._named_request(breaker)
        if breaker.scope != "company" or breaker.state == "closed":
            return breaker
        return replace(breaker, cause=self._cause or breaker.cause)

    def _named_request(self, breaker: Breaker) -> Breaker:
        failed = self._met[breaker.scope].failures_since > 0
        strange = failed and self._strange and breaker.state != "closed"
        return replace(breaker, cause=STRANGE if strange else None)

    def _note(self, scope: Scope, *, ok: bool) -> None:
        self._failed = self._failed or not ok
        self._met[scope] = self._met.get(scope, NOTHING_MET).then(ok=ok)

    def _of(self, scope: Scope) -> Breaker:
        return self.states.get(scope) or Breaker(scope=scope, since=self.now)

    async def _take(self, conn: Connection, scope: Scope, wanted: int) -> int:
        if not wanted or self._of(scope).state == "closed":
            return wanted
        breaker = await issuer_health_store.lock(conn, self.tenant, scope, self.now)
        taken, granted = take(breaker, wanted, self.now)
        await issuer_health_store.store(conn, self.tenant, taken)
        return granted

    def _tell(self, before: Breaker, now_is: Breaker) -> None:
        if before.state != now_is.state:
            CHANGES.labels(now_is.scope, now_is.state).inc()
            log.warning(
                "breaker_changed",
                tenant_id=issuer_health_store.owner_of(self.tenant, now_is.scope),
                scope=now_is.scope,
                state=now_is.state,
            )
        if now_is.cause == STRANGE != before.cause:
            log.error(STRANGE, tenant_id=issuer_health_store.owner_of(self.tenant, now_is.scope))


def _may_go_on(before: Breaker, now_is: Breaker) -> bool:
    """Say whether a company that was stopped is so no more: its sales wait for hours else."""
    return now_is.scope == "company" and now_is.state not in (before.state, "open")


async def load_breakers(conn: Connection, tenant: TenantId, now: datetime) -> Breakers:
    """Read the breakers that speak for a tenant."""
    found = await issuer_health_store.read(conn, tenant)
    return Breakers(tenant=tenant, now=now, states={breaker.scope: breaker for breaker in found})


def parked(
    breakers: Breakers, entries: Sequence[Entry], known: Mapping[BillId, Known]
) -> list[Rest]:
    """Leave queued sales of which nothing is new, and for which no breaker has room, unread."""
    room = breakers.room_to_send()
    if room is None:
        return []
    waiting = [
        entry
        for entry in entries
        if not entry.bill_changed
        and (sale := known[entry.bill_id].sale) is not None
        and sale.status is SaleStatus.QUEUED
    ]
    return [_park(entry, breakers.again_at) for entry in waiting[room:]]


def _park(entry: Entry, due_at: datetime) -> Rest:
    POSTPONED.inc()
    return Rest(entry=entry, settlement=settle(entry, due_at=due_at))
