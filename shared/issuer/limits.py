"""How fast and how wide one issuer key may be used (design D12).

The rate is shared by all processes through Redis: each reserves the next turns of the key, several
at once where the rate is high, and spends them at their time. Width is per process and key.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.issuer.errors import IssuerBusy
from shared.net.redis import ANSWER, REST_SECONDS

log = structlog.get_logger()

ALONE: Final = 0.5  # share of the rate that a process takes which cannot see the others
# Turns reserved at once cover this much time, so that Redis is asked ten times a second at most.
RESERVED: Final = 0.1

# KEYS[1]: us at which the next turn is free. ARGV: us between turns, turns wanted, most us to
# wait, us to push everything back by. Answers the wait until the first turn, -1 - wait if too long.
RESERVE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local gap, turns = tonumber(ARGV[1]), tonumber(ARGV[2])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local patience, pause = tonumber(ARGV[3]), tonumber(ARGV[4])
if pause > 0 then
  free = math.max(free, now + pause)
elseif free - now > patience then
  return -1 - (free - now)
end
local wait = free - now
free = free + gap * turns
redis.call('SET', KEYS[1], string.format('%.0f', free),
           'PX', math.ceil((free - now) / 1000) + 1000)
return wait
"""


@dataclass(slots=True)
class _Key:
    slots: asyncio.Semaphore
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    left: int = 0  # turns reserved and not yet used
    next_at: float = 0.0  # when the next one of them is
    free_at: float = 0.0  # the next turn while Redis is gone
    paused_until: float = 0.0


class Limits:
    """Hands out turns for issuer keys; make one per process."""

    def __init__(
        self,
        redis: Redis | None,
        *,
        parallel: int,
        per_second: float,
        answer: timedelta = ANSWER,
    ) -> None:
        """A Redis that has not answered after `answer` counts as gone."""
        self._redis = redis
        self._reserve = redis.register_script(RESERVE) if redis is not None else None
        self._parallel = parallel
        self._answer = answer.total_seconds()
        self._gap = 1.0 / per_second
        self._at_once = max(1, int(per_second * RESERVED))
        self._keys: dict[str, _Key] = {}
        self._redis_rests_until = 0.0
        self._redis_works = redis is not None

    def turn(self, key: str, *, patience: timedelta) -> "Turn":
        """Hold one of the key's slots, from its turn on; IssuerBusy when it is too far away.

        `key` begins with the tenant and holds nothing of the secret itself.
        """
        return Turn(self, key, self._state(key), patience.total_seconds())

    async def pause(self, key: str, wait: timedelta) -> None:
        """Let nobody use a key for a while: the issuer said 429."""
        state = self._state(key)
        state.left = 0
        state.paused_until = time.monotonic() + wait.total_seconds()
        await self._ask(key, 0, 0.0, pause=wait.total_seconds())

    async def next_turn(self, key: str, state: _Key, patience: float) -> float:
        """When the caller's turn is, on the monotonic clock; for Turn alone."""
        at = self.reserved_turn(state, patience)
        if at is not None:
            return at
        wait = await self._ask(key, self._at_once, patience)
        if wait is None:
            return self._alone(state, patience)
        if wait < 0:
            raise IssuerBusy(timedelta(seconds=-wait))
        state.left, state.next_at = self._at_once, time.monotonic() + wait
        return self._use_turn(state)

    def reserved_turn(self, state: _Key, patience: float) -> float | None:
        """A turn that was reserved before; None when turns have to be asked for. For Turn alone."""
        now = time.monotonic()
        if state.paused_until - now > patience:
            raise IssuerBusy(timedelta(seconds=state.paused_until - now))
        # Turns long past are not saved up: one burst is what a reservation covers.
        if state.left and state.next_at < now - 2 * RESERVED:
            state.left = 0
        return self._use_turn(state) if state.left else None

    def _use_turn(self, state: _Key) -> float:
        at = max(state.next_at, state.paused_until)
        state.left -= 1
        state.next_at += self._gap
        return at

    def _alone(self, state: _Key, patience: float) -> float:
        now = time.monotonic()
        at = max(state.free_at, state.paused_until, now)
        if at - now > patience:
            raise IssuerBusy(timedelta(seconds=at - now))
        state.free_at = at + self._gap / ALONE
        return at

    async def _ask(
        self, key: str, turns: int, patience: float, *, pause: float = 0.0
    ) -> float | None:
        """Reserve turns: the seconds until the first, negative when too far, None without Redis."""
        if self._reserve is None or time.monotonic() < self._redis_rests_until:
            return None
        arguments = [_us(self._gap), turns, _us(patience), _us(pause)]
        try:
            async with asyncio.timeout(self._answer):
                wait = int(await self._reserve(keys=[f"{{{key}}}:issuer:turn"], args=arguments))
        except (RedisError, OSError, TimeoutError):
            self._redis_rests_until = time.monotonic() + REST_SECONDS
            self._note_redis(works=False)
            return None
        self._note_redis(works=True)
        return wait / 1e6 if wait >= 0 else (wait + 1) / 1e6

    def _note_redis(self, *, works: bool) -> None:
        if works != self._redis_works:
            log.warning("issuer_limits_shared_again" if works else "issuer_limits_local")
        self._redis_works = works

    def _state(self, key: str) -> _Key:
        state = self._keys.get(key)
        if state is None:
            state = self._keys[key] = _Key(slots=asyncio.Semaphore(self._parallel))
        return state


class Turn:
    """One slot of a key, as a context; a class because it is on the way of every nota."""

    __slots__ = ("_key", "_limits", "_patience", "_state")

    def __init__(self, limits: Limits, key: str, state: _Key, patience: float) -> None:
        self._limits = limits
        self._key = key
        self._state = state
        self._patience = patience

    async def __aenter__(self) -> None:
        state = self._state
        await state.slots.acquire()
        try:
            asked = state.turn.locked()  # then whoever came before is served first
            at = None if asked else self._limits.reserved_turn(state, self._patience)
            if at is None:
                async with state.turn:  # one asks for the turns of all
                    at = await self._limits.next_turn(self._key, state, self._patience)
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
        except BaseException:
            state.slots.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._state.slots.release()


def _us(seconds: float) -> int:
    return int(seconds * 1_000_000)
