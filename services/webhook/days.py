"""How much of one tenant is kept on one day: an address that leaked must not fill the disk."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from shared.domain.ids import TenantId

DAY_SECONDS: Final = 86_400


@dataclass(slots=True, kw_only=True)
class Days:
    """Events and bytes of each tenant on this day (UTC), as this process took them.

    Several processes each allow as much: what is bounded is the disk, not a price.
    """

    most_events: int
    most_bytes: int
    _day: int = 0
    _events: Counter[TenantId] = field(default_factory=Counter)
    _bytes: Counter[TenantId] = field(default_factory=Counter)

    def full(self, tenant: TenantId) -> bool:
        """Whether nothing more of it is kept today."""
        self._turn()
        return self._events[tenant] >= self.most_events or self._bytes[tenant] >= self.most_bytes

    def count(self, tenant: TenantId, size: int) -> None:
        """One more event was kept."""
        self._turn()
        self._events[tenant] += 1
        self._bytes[tenant] += size

    def _turn(self) -> None:
        day = int(time.time()) // DAY_SECONDS
        if day != self._day:
            self._day = day
            self._events.clear()
            self._bytes.clear()
