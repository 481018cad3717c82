"""The budget of one process that cannot reach Redis, and its memory of what it used."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

ASK_AGAIN: Final = 0.05  # seconds, while another request of the account is under way
SHARE: Final = 4  # without word from Vindi a process takes a quarter of the ceiling
SWEEP_EVERY: Final = 0.02  # seconds that a request may count for longer than it does
KEPT_FREE: Final = 0.1  # of the ceiling at least, for processes that cannot be seen from here
MOST_ACCOUNTS: Final = 20_000


@dataclass(slots=True, kw_only=True)
class _Account:
    used: OrderedDict[str, tuple[int, float]] = field(default_factory=OrderedDict)
    flying: dict[str, float] = field(default_factory=dict)
    blocked_until: float = 0.0
    limit: int | None = None
    remaining: int = 0
    window_until: float = 0.0
    until: float = 0.0  # until then nothing is looked for that may be forgotten

    def sweep(self, now: float) -> None:
        """Forget what counts no more.

        A much used account has a thousand requests: they are not all looked at for each new one.
        """
        for name in [name for name, (_, at) in self.used.items() if at <= now]:
            del self.used[name]
        for name in [name for name, at in self.flying.items() if at <= now]:
            del self.flying[name]
        self.until = now + SWEEP_EVERY


class LocalBudget:
    """Counts this process' requests by account. Times are those of the monotonic clock."""

    def __init__(
        self, *, limit: int, window: timedelta, lease: timedelta, leave_percent: int = 0
    ) -> None:
        self._limit = limit
        self._kept_free = max(KEPT_FREE, leave_percent / 100)
        self._window = window.total_seconds()
        self._lease = lease.total_seconds()
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def note(self, account: str, share: int, member: str) -> None:
        """Remember a request that was allowed."""
        now = time.monotonic()
        known = self._account(account, now)
        known.used[member] = (share, now + self._lease + self._window)
        known.flying[member] = now + self._lease

    def settle(
        self,
        account: str,
        member: str,
        limit: int | None,
        remaining: int | None,
        left: timedelta | None,
    ) -> None:
        """Remember that a request was answered, and what the answer said."""
        now = time.monotonic()
        known = self._account(account, now)
        known.flying.pop(member, None)
        if member in known.used:
            known.used[member] = (known.used[member][0], now + self._window)
        known.limit = limit or known.limit
        if remaining is not None and left is not None:
            until = now + left.total_seconds()
            new = known.window_until <= now or until > known.window_until + self._window / 2
            known.remaining = remaining if new else min(known.remaining, remaining)
            known.window_until = until if new else max(known.window_until, until)
        else:
            known.remaining -= 1  # counted, though this answer did not say so

    def lose(self, account: str, member: str) -> None:
        """Remember that a request will have no answer, and may have been counted."""
        known = self._account(account, time.monotonic())
        known.flying.pop(member, None)
        known.remaining -= 1

    def forget(self, account: str, member: str) -> None:
        """Forget a request that never left."""
        known = self._account(account, time.monotonic())
        known.flying.pop(member, None)
        known.used.pop(member, None)

    def block(self, account: str, wait: timedelta) -> None:
        """Remember that Vindi wants to be left alone."""
        now = time.monotonic()
        known = self._account(account, now)
        known.blocked_until = max(known.blocked_until, now + wait.total_seconds())

    def newest(self, account: str) -> tuple[int, str] | None:
        """The last request that still counts: its share and its name."""
        used = self._account(account, time.monotonic()).used
        name = next(reversed(used), None)
        return None if name is None else (used[name][0], name)

    def remembered(self, account: str) -> list[tuple[int, str, timedelta]]:
        """Every request that still counts: its share, its name, and for how long it counts."""
        now = time.monotonic()
        used = self._account(account, now).used
        return [
            (share, name, timedelta(seconds=at - now))
            for name, (share, at) in used.items()
            if at > now
        ]

    def try_alone(self, account: str, share: int, member: str) -> float:
        """Take a request without Redis; the seconds to wait when there is none to take."""
        now = time.monotonic()
        known = self._account(account, now)
        wait = self._wait(known, now)
        if wait <= 0:
            self.note(account, share, member)
        return wait

    def _wait(self, known: _Account, now: float) -> float:
        limit = min(self._limit, known.limit or self._limit)
        if known.blocked_until > now:
            return known.blocked_until - now
        if known.flying:
            return ASK_AGAIN
        if known.window_until > now:
            # Vindi's own count, everybody's requests included.
            spare = known.remaining - limit * self._kept_free
            return 0.0 if spare >= 1 else known.window_until - now
        if len(known.used) < max(1, limit // SHARE):
            return 0.0
        return max(min(at for _, at in known.used.values()) - now, ASK_AGAIN)

    def _account(self, account: str, now: float) -> _Account:
        known = self._accounts.setdefault(account, _Account())
        self._accounts.move_to_end(account)
        if now >= known.until:
            known.sweep(now)
        if len(self._accounts) > MOST_ACCOUNTS:
            self._accounts.popitem(last=False)
        return known
