"""How much of whose work this process takes on: some of everyone's, all of nobody's (design D12).

Reading a batch costs the processor, so only some are read at once; sending it costs memory and
leases for as long as its issuer takes, and little else. So every tenant gets a first one of each
lane, and only what room is left goes to a second one of the same. Whoever was served longest ago
comes first, and a handful of sales waits for no reading of others: a tenant with one sale passes
those with thousands.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Lane
from shared.domain.ids import TenantId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH: Final = 100  # two list calls of Vindi bring it up to date
BATCHES_A_TENANT: Final = 4  # some are read while others are at the issuer
# More, of what others must not keep waiting: mostly a sale or two, each as it comes.
FIRST_OF_A_TENANT: Final = 4
SALES_AT_ONCE: Final = 1200  # beyond, nobody gets a second batch
FIRST_BATCHES: Final = 64  # whole ones; then tenants get a bite at a time
BITE: Final = 10  # over in seconds, also at five notas a second
BITES: Final = 128
READING: Final = 4  # whole batches on their way from the claim to the issuer
# A backfill leaves room for what happens now: in the process, and in each tenant's share.
BACKFILLS_AT_ONCE: Final = 8


@dataclass(slots=True)
class Crowd:
    """What runs right now, and who had their turn when; nothing else is remembered."""

    _running: Counter[tuple[TenantId, Lane]] = field(default_factory=Counter)
    _of_tenant: Counter[TenantId] = field(default_factory=Counter)
    _asking: Counter[TenantId] = field(default_factory=Counter)
    _sales: int = 0
    _whole: int = 0
    _bites: int = 0
    _reading: int = 0
    _turn: int = 0
    _sellers: int = 0  # with work due when they were looked for last, or some that runs
    _askers: set[TenantId] = field(default_factory=set)  # whose last batch mostly asked
    _served: dict[TenantId, int] = field(default_factory=dict)

    def share(self, tenant: TenantId, lane: Lane, *, first: bool = False) -> int:
        """How many sales of a lane may be claimed for a tenant now; what goes `first` has more."""
        running = self._running[tenant, lane]
        if lane == outbox_store.BACKFILL and (running or self._backfills >= BACKFILLS_AT_ONCE):
            return 0
        if not running:
            if self._whole < FIRST_BATCHES:
                return BATCH if lane == outbox_store.BACKFILL else self._batch
            return BITE if self._bites < BITES else 0
        most = BATCHES_A_TENANT + (FIRST_OF_A_TENANT if first else 0)
        more = self._of_tenant[tenant] < most and self._sales < SALES_AT_ONCE
        return self._batch if more else 0

    @property
    def _batch(self) -> int:
        """A tenant's part of what may be under way, in its batches.

        Statements and commits cost nearly the same for three times as many sales: where nobody else
        sells, nobody waits behind those, and the processor is spent on sales.
        """
        alone = SALES_AT_ONCE // BATCHES_A_TENANT
        return max(BATCH, alone // self._sellers) if self._sellers else BATCH

    def has_more_than_one(self, tenant: TenantId) -> bool:
        """Whether a tenant has room for another batch after the next one."""
        return self._of_tenant[tenant] < BATCHES_A_TENANT - 1

    def asks_much(self, tenant: TenantId) -> bool:
        """Whether half of a tenant's room is taken by batches that mostly ask, and sell nothing."""
        return self._asking[tenant] >= BATCHES_A_TENANT // 2

    def reads_enough(self, *, late: bool) -> bool:
        """Whether whole batches have to wait: others are read, or the process comes late already.

        However late it is, some whole batches run.
        """
        return (self._whole if late else self._reading) >= READING

    def takes(self, tenant: TenantId, lanes: Iterable[Lane]) -> bool:
        """Whether anything of a tenant could be claimed."""
        return any(self.share(tenant, lane) for lane in lanes)

    def in_turn(self, tenants: Sequence[TenantId]) -> list[TenantId]:
        """Those served longest ago first; who never was comes before all, else as they were."""
        return sorted(tenants, key=lambda tenant: self._served.get(tenant, 0))

    def forget_all_but(self, tenants: Iterable[TenantId]) -> None:
        """Whoever has nothing due any more is a newcomer when they come again."""
        keep = set(tenants) | self._of_tenant.keys()
        self._askers &= keep
        self._sellers = len(keep) - len(self._askers)
        for tenant in self._served.keys() - keep:
            del self._served[tenant]

    @contextmanager
    def taken(
        self, tenant: TenantId, lane: Lane, sales: int, *, asking: bool = False
    ) -> "Iterator[Callable[[], None]]":
        """A batch that runs as long as the block does; call what it gives once it is read.

        `asking`: of most of it nothing is new but what the issuer may say.
        """
        whole = sales > BITE
        unread = [whole]

        def read() -> None:
            self._reading -= unread[0]
            unread[0] = False

        self._turn += 1
        self._served[tenant] = self._turn
        self._reading += whole
        self._asking[tenant] += asking
        (self._askers.add if asking else self._askers.discard)(tenant)
        self._count(tenant, lane, sales, whole=whole, by=1)
        try:
            yield read
        finally:
            read()
            self._asking[tenant] -= asking
            if not self._asking[tenant]:
                del self._asking[tenant]
            self._count(tenant, lane, sales, whole=whole, by=-1)

    def _count(self, tenant: TenantId, lane: Lane, sales: int, *, whole: bool, by: int) -> None:
        self._running[tenant, lane] += by
        self._of_tenant[tenant] += by
        self._sales += by * sales
        self._whole += by * whole
        self._bites += by * (not whole)
        if not self._running[tenant, lane]:
            del self._running[tenant, lane]
        if not self._of_tenant[tenant]:
            del self._of_tenant[tenant]

    @property
    def _backfills(self) -> int:
        return sum(1 for _, lane in self._running if lane == outbox_store.BACKFILL)
