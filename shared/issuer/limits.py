"""How fast and how wide one issuer key may be used (design D12), by all processes together.

Rate: each process reserves the next turns of the key in Redis, several at once where the rate is
high, and spends them at their time. Width: each holds some of the key's places in Redis, for as
long as it has requests under way, and gives up what is above its fair part once another wants it.
Where more processes wait than there are places, they hold one in turn. So only those who hold a
place stand in line for a turn, and the line is never longer than the key is wide. Before the places
of a process it goes round among the companies of a key: one with a single nota does not wait for
the hundreds of another. One that only
reads holds a single place while another has all it may send under way, and is told so.
"""

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from shared.issuer.errors import IssuerNotLeft, IssuerPaced
from shared.net.http import MayLeave
from shared.net.redis import ANSWER, REST_SECONDS
from shared.run.fair_line import FairLine

log = structlog.get_logger()

ALONE: Final = 0.5  # share of rate and width that a process takes which cannot see the others
# Turns reserved at once cover this much time, so that Redis is asked ten times a second at most.
RESERVED: Final = 0.1
# How often a process that waits looks for a place, and one that uses some says so.
LOOK: Final = 0.1
SAY: Final = 1.0
PRESSED: Final = 5.0  # seconds for which it counts that another process has more than it may send
PLACES_LAST: Final = 4.0  # seconds a place is held without word: a killed process blocks no longer
ASK_AGAIN: Final = 0.5  # seconds after which one that waits for its turn asks if it may go on
# No turn is farther away, whatever is paused: what says so was written before the clock of Redis
# went back, or by another one that it was a copy of.
FARTHEST: Final = 600.0
TENURE: Final = 1.0  # seconds a place is kept while others have none and there are too few

# KEYS[1]: us at which the next turn is free. ARGV: us between turns, turns wanted, most us to
# wait, us to push everything back by, us beyond which it was another clock that said it. Answers
# the wait until the first turn, -1 - wait if too long.
RESERVE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local gap, turns = tonumber(ARGV[1]), tonumber(ARGV[2])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
if free - now > tonumber(ARGV[5]) then free = now end
local patience, pause = tonumber(ARGV[3]), tonumber(ARGV[4])
if pause > 0 then
  free = math.max(free, now + pause)
elseif free - now > patience then
  return {-1 - (free - now)}
end
local wait = free - now
free = free + gap * turns
redis.call('SET', KEYS[1], string.format('%.0f', free),
           'PX', math.ceil((free - now) / 1000) + 1000)
return {wait}
"""

# KEYS[1]: by process, its places, those it wants, since when it has (or waits for) any, until when
# this counts, us of Redis' clock, and how many of those it wants are for what issues or cancels (an
# older version says none). ARGV: the process, wanted, in use, places in all, us that an entry
# counts, us of a tenure, wanted to issue or cancel. Answers how many places the process has now,
# and 1 where another wants them all to issue or cancel.
SHARE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local me, wanted, used = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local places, lasts, tenure = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local sends = tonumber(ARGV[7])
if wanted == 0 then
  redis.call('HDEL', KEYS[1], me)
  return {0, 0}
end

local held, since, others, pressed = 0, now, {}, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local h, w, s, u, p = string.match(all[i + 1], '(%d+) (%d+) (%d+) (%d+) ?(%d*)')
  if tonumber(u) <= now or tonumber(u) > now + 2 * lasts then  -- or another clock said it
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] == me then
    held, since = tonumber(h), tonumber(s)
  else
    if (tonumber(p) or 0) >= places then pressed = 1 end
    others[#others + 1] = {held = tonumber(h), wanted = tonumber(w), since = tonumber(s)}
  end
end

local fair = math.max(1, math.floor(places / (#others + 1)))
local free, hungry, without, before = places, false, 0, 0
for _, one in ipairs(others) do
  free = free - one.held
  hungry = hungry or one.held < math.min(fair, one.wanted)
  if one.held == 0 then
    without = without + 1
    if one.since < since then before = before + 1 end
  end
end

local target = wanted
if hungry then target = math.min(wanted, fair) end
if pressed == 1 and sends == 0 then target = math.min(target, 1) end
if held == 0 then
  target = math.min(target, free - before)
elseif without > 0 and #others + 1 > places and now - since > tenure then
  target = 0
end
local has = math.max(math.min(target, free), used, 0)
if (has == 0) ~= (held == 0) then since = now end
local said = string.format('%d %d %.0f %.0f %d', has, wanted, since, now + lasts, sends)
redis.call('HSET', KEYS[1], me, said)
redis.call('PEXPIRE', KEYS[1], math.ceil(lasts / 1000) + 1000)
return {math.max(math.min(target, free), 0), pressed}
"""


@dataclass(slots=True)
class _Key:
    line: FairLine = field(default_factory=partial(FairLine, 0))  # its places are this process'
    # Who stands in line: until when, and whether it may still leave.
    waits: dict[asyncio.Future[None], tuple[float, MayLeave | None]] = field(default_factory=dict)
    places_until: float = 0.0  # the places are surely ours as long
    wanted: int = 0  # used, and those who stand in line
    told: int = 0  # how many of these the others know of
    sends: int = 0  # of these, those that issue or cancel
    pressed_until: float = 0.0  # another process has all places' worth of those
    looked: float = 0.0  # when it was last said what is wanted, and learnt what there is
    kick: asyncio.Event = field(default_factory=asyncio.Event)  # there is something to ask for
    minding: asyncio.Task[None] | None = None
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    left: int = 0  # turns reserved and not yet used
    next_at: float = 0.0  # when the next one of them is
    free_at: float = 0.0  # the next turn while Redis is gone
    paused_until: float = 0.0

    def be_sure(self) -> None:
        """Give no place on that may be another's by now; it is asked for again."""
        if self.line.places and time.monotonic() >= self.places_until:
            self.line.resize(0)
            self.looked = 0.0
            self.kick.set()


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
        self._share = redis.register_script(SHARE) if redis is not None else None
        self._name = secrets.token_hex(6)  # of this process among those that share a key
        self._parallel = parallel
        self._places_alone = parallel if redis is None else max(1, int(parallel * ALONE))
        self._answer = answer.total_seconds()
        self._gap = 1.0 / per_second
        self._at_once = max(1, int(per_second * RESERVED))
        self._keys: dict[str, _Key] = {}
        self._redis_rests_until = 0.0
        self._redis_works = redis is not None

    def turn(
        self,
        key: str,
        *,
        patience: timedelta,
        may_leave: MayLeave | None = None,
        whose: str = "",
    ) -> "Turn":
        """Hold one of the key's places, from its turn on; IssuerPaced when it is too far away.

        Who may not leave any more waits no longer: IssuerNotLeft.
        `key` is the same for all who share it and holds nothing of the secret itself; `whose`
        names the company that asks. Only what changes something at the issuer has a `may_leave`;
        what only reads comes after that.
        """
        return Turn(self, key, self._state(key), patience.total_seconds(), may_leave, whose)

    def pressed_elsewhere(self, key: str) -> bool:
        """Whether another process had, a moment ago, more to issue with a key than it may."""
        state = self._keys.get(key)
        return state is not None and time.monotonic() < state.pressed_until

    async def pause(self, key: str, wait: timedelta) -> None:
        """Let nobody use a key for a while: the issuer said 429."""
        state = self._state(key)
        state.left = 0
        state.paused_until = time.monotonic() + wait.total_seconds()
        await self._ask(key, 0, 0.0, pause=wait.total_seconds())

    async def enter(
        self, key: str, state: _Key, patience: float, may_leave: MayLeave | None, whose: str
    ) -> None:
        """Wait for one of the key's places, by turns of whose it is; for Turn alone.

        It is handed on by whoever leaves, so most wait without a word to anybody else.
        """
        self._want(key, state, may_leave)
        if not state.waits:
            state.kick.set()  # from now on it is looked more often
        mine = state.line.stand(whose)
        state.waits[mine] = time.monotonic() + patience, may_leave
        try:
            await mine
        except BaseException:
            state.line.step_out(whose, mine)
            state.wanted -= 1
            state.sends -= may_leave is not None
            raise
        finally:
            del state.waits[mine]

    def entered(self, key: str, state: _Key, may_leave: MayLeave | None) -> bool:
        """Take a place where one is free; for Turn alone."""
        state.be_sure()
        if not state.line.take():
            return False
        self._want(key, state, may_leave)
        return True

    def _want(self, key: str, state: _Key, may_leave: MayLeave | None) -> None:
        state.wanted += 1
        state.sends += may_leave is not None
        if state.minding is not None:
            if self._wanted(state) > state.told:
                state.kick.set()
        else:
            state.minding = asyncio.create_task(self._mind(key, state), name="issuer-places")

    def left(self, state: _Key, may_leave: MayLeave | None, whose: str) -> bool:
        """Give a place to whoever waits; whether the process uses others still. For Turn alone."""
        state.wanted -= 1
        state.sends -= may_leave is not None
        state.be_sure()
        state.line.release(whose)
        return state.wanted > 0

    async def end_use(self, key: str, state: _Key) -> None:
        """Say that no place is used any more, unless somebody wants one; for Turn alone."""
        async with state.looking:
            if not state.wanted and state.told:  # else whoever left a moment ago has said it
                state.line.resize(0)
                await self._look(key, state)

    async def _mind(self, key: str, state: _Key) -> None:
        """Ask for places on behalf of all who wait, and say which are used, while any are."""
        try:
            while state.wanted or state.told:
                if not state.wanted:
                    await self.end_use(key, state)
                    continue
                state.kick.clear()
                every = LOOK if state.waits else SAY
                if self._wanted(state) > state.told or _seconds_since(state.looked) >= every:
                    async with state.looking:
                        await self._look(key, state)
                _turn_away(state.waits)
                every = LOOK if state.waits else SAY
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(every - _seconds_since(state.looked), 0.0)):
                        await state.kick.wait()
        finally:
            state.minding = None

    async def _look(self, key: str, state: _Key) -> None:
        """Say what this process wants of a key, and learn how many places it has."""
        wanted = state.told = self._wanted(state)
        arguments: list[str | int] = [self._name, wanted, state.line.taken, self._parallel]
        arguments += [_us(PLACES_LAST), _us(TENURE), min(state.sends, self._parallel)]
        asked = state.looked = time.monotonic()
        shared = await self._call(self._share, f"{{{key}}}:issuer:places", arguments)
        places, pressed = (self._places_alone, 0) if shared is None else shared
        state.places_until = asked + PLACES_LAST - SAY
        state.pressed_until = asked + PRESSED if pressed else 0.0
        state.line.resize(places)

    def _wanted(self, state: _Key) -> int:
        return min(state.wanted, self._parallel)

    async def next_turn(self, key: str, state: _Key, patience: float) -> float:
        """When the caller's turn is, on the monotonic clock; for Turn alone."""
        at = self.reserved_turn(state, patience)
        if at is not None:
            return at
        wait = await self._ask(key, self._at_once, patience)
        if wait is None:
            return self._alone(state, patience)
        if wait < 0:
            raise IssuerPaced(timedelta(seconds=-wait))
        state.left, state.next_at = self._at_once, time.monotonic() + wait
        return self._use_turn(state)

    def reserved_turn(self, state: _Key, patience: float) -> float | None:
        """A turn that was reserved before; None when turns have to be asked for. For Turn alone."""
        now = time.monotonic()
        if state.paused_until - now > patience:
            raise IssuerPaced(timedelta(seconds=state.paused_until - now))
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
            raise IssuerPaced(timedelta(seconds=at - now))
        state.free_at = at + self._gap / ALONE
        return at

    async def _ask(
        self, key: str, turns: int, patience: float, *, pause: float = 0.0
    ) -> float | None:
        """Reserve turns: the seconds until the first, negative when too far, None without Redis."""
        arguments: list[str | int] = [_us(self._gap), turns, _us(patience), _us(pause)]
        arguments.append(_us(FARTHEST))
        reserved = await self._call(self._reserve, f"{{{key}}}:issuer:turn", arguments)
        if reserved is None:
            return None
        [wait] = reserved
        return wait / 1e6 if wait >= 0 else (wait + 1) / 1e6

    async def _call(
        self, script: AsyncScript | None, key: str, arguments: list[str | int]
    ) -> list[int] | None:
        """Run a script on a key; None while Redis does not answer."""
        if script is None or time.monotonic() < self._redis_rests_until:
            return None
        try:
            async with asyncio.timeout(self._answer):
                answer = [int(one) for one in await script(keys=[key], args=arguments)]
        except (RedisError, OSError, TimeoutError):
            self._redis_rests_until = time.monotonic() + REST_SECONDS
            self._note_redis(works=False)
            return None
        self._note_redis(works=True)
        return answer

    def _note_redis(self, *, works: bool) -> None:
        if works != self._redis_works:
            if works:
                log.info("issuer_limits_shared_again")
            else:
                log.warning("issuer_limits_local")
        self._redis_works = works

    def _state(self, key: str) -> _Key:
        state = self._keys.get(key)
        if state is None:
            state = self._keys[key] = _Key()
        return state


class Turn:
    """One place of a key, as a context; a class because it is on the way of every nota."""

    __slots__ = ("_key", "_limits", "_may_leave", "_patience", "_state", "_whose")

    def __init__(
        self,
        limits: Limits,
        key: str,
        state: _Key,
        patience: float,
        may_leave: MayLeave | None,
        whose: str,
    ) -> None:
        self._may_leave = may_leave
        self._whose = whose
        self._limits = limits
        self._key = key
        self._state = state
        self._patience = patience

    async def __aenter__(self) -> None:
        limits, state, may_leave = self._limits, self._state, self._may_leave
        if not limits.entered(self._key, state, may_leave):
            await limits.enter(self._key, state, self._patience, may_leave, self._whose)
        try:
            asked = state.turn.locked()  # then whoever came before is served first
            at = None if asked else limits.reserved_turn(state, self._patience)
            if at is None:
                async with state.turn:  # one asks for the turns of all
                    at = await limits.next_turn(self._key, state, self._patience)
            while True:
                _demand(may_leave)
                if (wait := at - time.monotonic()) <= 0:
                    return
                await asyncio.sleep(min(wait, ASK_AGAIN) if may_leave else wait)
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        if not self._limits.left(self._state, self._may_leave, self._whose):
            await self._limits.end_use(self._key, self._state)


def _turn_away(waits: dict[asyncio.Future[None], tuple[float, MayLeave | None]]) -> None:
    """Have those wait no longer whose patience is over, or who may not leave any more."""
    now = time.monotonic()
    for mine, (give_up, may_leave) in waits.items():
        if mine.done():
            continue
        try:
            _demand(may_leave)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            mine.set_exception(error)
            continue
        if now >= give_up:
            mine.set_exception(IssuerPaced(timedelta(seconds=TENURE)))


def _seconds_since(instant: float) -> float:
    return time.monotonic() - instant


def _demand(may_leave: MayLeave | None) -> None:
    if may_leave is not None and not may_leave():
        raise IssuerNotLeft


def _us(seconds: float) -> int:
    return int(seconds * 1_000_000)
