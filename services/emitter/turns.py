"""What of a tenant is claimed first, so that much of one kind keeps nothing of another waiting.

Mostly a lane after the other. Where more is due of the live lane than a batch holds, or what is
under way of the tenant mostly asks its issuer, news of bills and all else (news of notas, looks at
them, dates that came) take turns, and there is room for the one beyond that which the other fills:
thousands of the one are no reason for the other to wait. Where a tenant's events are doubted, what
was only talked of comes last.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Lane
from shared.domain.ids import TenantId

CROWDED_FOR: Final = timedelta(seconds=10)  # after the last batch that was full
# To find no import among thousands of made-up bills means to look at each of them.
LOOKED_FOR_IMPORTS: Final = timedelta(seconds=2)
LANES: Final[tuple[Lane, ...]] = (outbox_store.LIVE, outbox_store.RECONCILE, outbox_store.BACKFILL)


class LaneTurn(Struct, frozen=True, kw_only=True):
    """A lane from which a tenant's sales are claimed, and what of it.

    `told`: what has news of its bill, or what has none. `hearsay`: what nobody has read up on, or
    the rest. What goes `first` may have the last of a tenant's room, what goes `last` may not.
    """

    lane: Lane
    told: bool | None = None
    hearsay: bool | None = None
    first: bool = False
    last: bool = False
    doubted: bool = False

    @property
    def reads_hearsay(self) -> bool:
        """Whether a doubted tenant's hearsay is among it."""
        return self.doubted and (self.hearsay is True or self.lane == outbox_store.BACKFILL)


IN_TURN: Final = tuple(LaneTurn(lane=lane) for lane in LANES)
NEWS: Final = LaneTurn(lane=outbox_store.LIVE, told=True, first=True)
OTHERS: Final = LaneTurn(lane=outbox_store.LIVE, told=False, last=True)
# Sales that were read, or asked for by a person, are decided first, then what passes found, then
# what was only talked of. An import, of which one batch is under way at a time, does not stand
# behind the bills that were put last: those are more with each minute of a flood.
IMPORTED: Final = LaneTurn(lane=outbox_store.BACKFILL, hearsay=False, last=True, doubted=True)
IN_DOUBT: Final = (
    LaneTurn(lane=outbox_store.LIVE, hearsay=False, told=True, first=True, doubted=True),
    LaneTurn(lane=outbox_store.LIVE, hearsay=False, told=False, last=True, doubted=True),
    LaneTurn(lane=outbox_store.RECONCILE, doubted=True),
    IMPORTED,
    LaneTurn(lane=outbox_store.LIVE, hearsay=True, last=True, doubted=True),
    LaneTurn(lane=outbox_store.BACKFILL, hearsay=True, last=True, doubted=True),
)


@dataclass(slots=True)
class Turns:
    """Remembers whose live lane held more than a batch lately, and what of it was claimed last."""

    _crowded: dict[TenantId, tuple[float, LaneTurn]] = field(default_factory=dict)
    _no_imports: dict[TenantId, float] = field(default_factory=dict)

    def of(self, tenant: TenantId, lanes: Collection[Lane], *, doubted: bool) -> Sequence[LaneTurn]:
        """What to claim of a tenant that has work due in these lanes, one after the other."""
        if doubted:
            none = self._no_imports.get(tenant, 0.0) > time.monotonic()
            turns = [turn for turn in IN_DOUBT if turn.lane in lanes]
            return [turn for turn in turns if turn is not IMPORTED] if none else turns
        turns = [turn for turn in IN_TURN if turn.lane in lanes]
        until, latest = self._crowded.get(tenant, (0.0, OTHERS))
        if until <= time.monotonic() or outbox_store.LIVE not in lanes:
            return turns
        return [*((OTHERS, NEWS) if latest is NEWS else (NEWS, OTHERS)), *turns[1:]]

    def claimed(self, tenant: TenantId, turn: LaneTurn, *, full: bool) -> None:
        """Remember what was claimed, and whether there may be more of it."""
        now = time.monotonic()
        until, latest = self._crowded.get(tenant, (0.0, OTHERS))
        if turn.lane == outbox_store.LIVE and full:
            until = now + CROWDED_FOR.total_seconds()
        if until > now:
            self._crowded[tenant] = (until, turn if turn in (NEWS, OTHERS) else latest)

    def crowd(self, tenant: TenantId) -> None:
        """Take a tenant for crowded: so much of it is under way that what comes next may wait."""
        until = time.monotonic() + CROWDED_FOR.total_seconds()
        self._crowded[tenant] = (until, self._crowded.get(tenant, (0.0, OTHERS))[1])

    def found_none(self, tenant: TenantId, turn: LaneTurn) -> None:
        """Remember that there was nothing to claim where that took a long search."""
        if turn is IMPORTED:
            self._no_imports[tenant] = time.monotonic() + LOOKED_FOR_IMPORTS.total_seconds()

    def forget_all_but(self, tenants: Collection[TenantId]) -> None:
        """Whoever has nothing due any more is not crowded."""
        self._crowded = {one: kept for one, kept in self._crowded.items() if one in tenants}
        self._no_imports = {one: at for one, at in self._no_imports.items() if one in tenants}
