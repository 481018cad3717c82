"""How many intents stand before their requests can leave: few, so that little is in doubt.

An intent is written before its request; where its process dies in between, each one costs the next
process look-ups, and a sale of today stands behind them. What nobody can send yet is not written
yet: whether it is still wanted is asked again when its turn comes.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from shared.db.tenants.connections_store import IssuerConnection
from shared.domain.ids import TenantId
from shared.run.fair_line import FairLine

AHEAD: Final = timedelta(seconds=2)  # of what one issuer key takes; longer than a commit lasts
# Questions that nobody waits for hold leases only as long as they can be asked within this.
FOLLOWED_AHEAD: Final = timedelta(seconds=10)
PIECE: Final = 4  # a commit for each quarter of the room, not one for each nota


@dataclass(slots=True)
class KeyRoom:
    """The room for intents of one issuer key, in one process."""

    size: int
    _taken: int = 0
    _of: Counter[TenantId] = field(default_factory=Counter)
    _turn: FairLine = field(default_factory=FairLine)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, wanted: int, tenant: TenantId) -> int:
        """Wait for a piece of the room and return how many intents may be written, one at least.

        It goes round among the tenants of the key; of each, whoever came first gets theirs first.
        A tenant that has none there need not wait for its first, though it be more than there is
        room for: else one sale stands behind those of another that left before it came.
        """
        least = min(wanted, max(1, self.size // PIECE))
        waits = self._turn.locked() or self.size - self._taken < least
        if waits and not self._of[tenant] and self._taken < 2 * self.size:
            self.take_up(1, tenant)
            return 1
        async with self._turn.turn(tenant):
            while self.size - self._taken < least:
                self._freed.clear()
                await self._freed.wait()
            given = min(wanted, self.size - self._taken)
            self.take_up(given, tenant)
            return given

    @property
    def free(self) -> int:
        """How many intents may be written at once; none while others wait for room."""
        return 0 if self._turn.locked() else max(0, self.size - self._taken)

    def take_up(self, number: int, tenant: TenantId) -> None:
        """Take room without a wait, though it be more than there is."""
        self._taken += number
        self._of[tenant] += number

    @property
    def waited_for(self) -> bool:
        """Whether sales stand before the room, of this batch or another."""
        return self._turn.locked()

    def give_back(self, tenant: TenantId, number: int = 1) -> None:
        """Free room: of intents whose answer is there, or that were not written after all."""
        self._taken -= number
        self._of[tenant] -= number
        if not self._of[tenant]:
            del self._of[tenant]
        self._freed.set()


@dataclass(slots=True)
class KeyRooms:
    """The rooms of all keys in use; past sales have one of their own and never fill today's."""

    parallel: int  # requests that may be under way for one key
    per_second: float  # the most that one key takes
    _rooms: dict[tuple[str, str], KeyRoom] = field(default_factory=dict)

    def of(self, connection: IssuerConnection | None, *, for_backfill: bool) -> KeyRoom:
        """The room of a connection's key: what is under way, and what leaves soon after."""
        return self._room(connection, "past" if for_backfill else "today", AHEAD)

    def to_follow(self, connection: IssuerConnection | None) -> KeyRoom:
        """The room for questions about notas that were sent before."""
        return self._room(connection, "follow", FOLLOWED_AHEAD)

    def _room(self, connection: IssuerConnection | None, what: str, ahead: timedelta) -> KeyRoom:
        key = (connection.key_word if connection else "", what)
        if key not in self._rooms:
            soon = max(1, round(self.per_second * ahead.total_seconds()))
            self._rooms[key] = KeyRoom(size=self.parallel + soon)
        return self._rooms[key]
