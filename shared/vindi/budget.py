"""One budget of requests per Vindi account, shared by every process through Redis (design D4).

The ceiling is held in every window Vindi may be counting, whenever that window began; the script
beside this module says how. Vindi's headers lower it: other systems share the account.
"""

import asyncio
import itertools
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NewType

import structlog
from msgspec import Struct
from prometheus_client import Counter, Histogram
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.net.http import server_time
from shared.net.redis import ANSWER, REST_SECONDS
from shared.vindi.errors import VindiBusy
from shared.vindi.local_budget import LocalBudget

log = structlog.get_logger()

AccountKey = NewType("AccountKey", str)  # one per Vindi account, whichever tenants read it

SCRIPT: Final = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")
MINUTE: Final = timedelta(minutes=1)
LONGEST_POLL: Final = 1.0  # seconds; a place may come free sooner than was foreseen
# An account is pressed once a third of the 120 requests that Vindi gives is used. One with far more
# is spared as well, until those are next to nothing of what it has.
PRESSED: Final = 1 / 3
PRESSED_FROM: Final = 40
NEXT_TO_NOTHING: Final = 1 / 30
MOST_ACCOUNTS: Final = 20_000

USED: Final = Histogram(
    "notaponte_vindi_budget_used_ratio",
    "How much of an account's requests a minute was used when one more was asked for.",
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
)
TURNS: Final = Histogram(
    "notaponte_vindi_turn_seconds",
    "How long a request waited for its turn in its account's budget.",
    ["share"],
    buckets=(0.005, 0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 120),
)
REFUSED: Final = Counter(
    "notaponte_vindi_budget_refused_total",
    "Requests that were not sent, since their account's turn was too far away.",
    ["share"],
)


class BudgetShare(IntEnum):
    """Of whose part of the budget a request is; others cannot take a part away."""

    DUE = 1
    RECONCILE = 2
    BACKFILL = 3
    PERSON = 4  # somebody waits for the answer: a few requests that no other share takes


class Headroom(Struct, frozen=True, kw_only=True):
    """How many requests a share may take now, and when there may be more."""

    requests: int
    wait: timedelta


class WindowHeaders(Struct, frozen=True, kw_only=True):
    """What an answer's headers said of the account's window; None where they said nothing."""

    limit: int | None = None
    remaining: int | None = None
    left: timedelta | None = None  # until the window ends


class Ticket(Struct, frozen=True, kw_only=True):
    """The right to one request, to be settled with what its answer said."""

    account: AccountKey
    share: BudgetShare
    member: str


def read_heard(headers: Mapping[str, str], *, window: timedelta = MINUTE) -> WindowHeaders:
    """Read the `Rate-Limit-*` headers; all are optional (vindi-api, section 2.3).

    The end of the window is measured by Vindi's own clock, so that ours may be wrong.
    """
    remaining, reset = _whole(headers, "Rate-Limit-Remaining"), _whole(headers, "Rate-Limit-Reset")
    left = None
    if reset is not None:
        now = server_time(headers) or datetime.now(UTC)
        # Both ends are cut to whole seconds: one second more is never too early.
        seconds = reset - int(now.timestamp()) + 1
        left = timedelta(seconds=min(max(seconds, 0), window.total_seconds() + 1))
    return WindowHeaders(limit=_whole(headers, "Rate-Limit-Limit"), remaining=remaining, left=left)


class Budget:
    """Hands out requests to Vindi, never more than an account has.

    When Redis is gone each process goes on by itself, one request at a time for each account and
    well below the ceiling; what it used meanwhile is told to Redis when that is back.
    """

    def __init__(
        self,
        redis: Redis | None,
        *,
        per_window: int,
        window: timedelta = MINUTE,
        lease: timedelta = timedelta(seconds=45),
        answer: timedelta = ANSWER,
        leave_percent: int = 0,
    ) -> None:
        """`lease` is longer than any request takes; `window` is Vindi's, a minute.

        `leave_percent` of each window are left to the account's other systems. A Redis that has
        not answered after `answer` counts as gone.
        """
        self.window = window
        self._redis = redis
        self._script = redis.register_script(SCRIPT) if redis is not None else None
        self._limit = per_window
        self._lease = lease
        self._answer = answer.total_seconds()
        self._leave = leave_percent
        self._local = LocalBudget(
            limit=per_window, window=window, lease=lease, leave_percent=leave_percent
        )
        self._pressed_until: OrderedDict[AccountKey, float] = OrderedDict()
        self._names = (f"{secrets.token_hex(6)}-{n}" for n in itertools.count())
        self._redis_rests_until = 0.0
        self._redis_works = redis is not None

    async def take(
        self, account: AccountKey, share: BudgetShare, *, patience: timedelta = timedelta()
    ) -> Ticket:
        """Wait for one request's turn; raise VindiBusy when it is further away than `patience`.

        Hold no connection or transaction while waiting here.
        """
        ticket = Ticket(account=account, share=share, member=next(self._names))
        give_up = time.monotonic() + patience.total_seconds()
        while (wait := await self._try(ticket)) > 0:
            if time.monotonic() + wait > give_up:
                REFUSED.labels(share.name.lower()).inc()
                raise VindiBusy(timedelta(seconds=wait))
            await asyncio.sleep(min(wait, LONGEST_POLL))
        return ticket

    def pressed(self, account: AccountKey) -> bool:
        """Whether so much of an account's window was used lately that pages are worth filling."""
        return self._pressed_until.get(account, 0.0) > time.monotonic()

    async def look(self, account: AccountKey, share: BudgetShare) -> Headroom | None:
        """See what a share may take now, and take nothing; None while Redis does not answer."""
        answer = await self._ask(
            account, "look", int(share), self._limit, _ms(self.window), self._leave
        )
        if answer is None:
            return None
        return Headroom(requests=int(answer[0]), wait=timedelta(milliseconds=int(answer[1])))

    async def settle(self, ticket: Ticket, heard: WindowHeaders) -> None:
        """Say that a request was answered.

        One never settled, lost nor given back counts as under way until its lease ends.
        """
        self._local.settle(ticket.account, ticket.member, heard.limit, heard.remaining, heard.left)
        numbers = (heard.limit, heard.remaining, _ms(heard.left) if heard.left else None)
        said = ["" if number is None else number for number in numbers]
        await self._ask(
            ticket.account, "settle", int(ticket.share), ticket.member, _ms(self.window), *said
        )

    async def lose(self, ticket: Ticket) -> None:
        """Say that no answer will come to a request that may have reached Vindi."""
        self._local.lose(ticket.account, ticket.member)
        await self._ask(ticket.account, "lost", int(ticket.share), ticket.member)

    async def give_back(self, ticket: Ticket) -> None:
        """Say that a request never left."""
        self._local.forget(ticket.account, ticket.member)
        await self._ask(ticket.account, "give_back", int(ticket.share), ticket.member)

    async def block(self, account: AccountKey, wait: timedelta) -> None:
        """Stop every process' requests of an account for a while: Vindi answered 429."""
        self._local.block(account, wait)
        await self._ask(account, "block", _ms(wait))

    async def _try(self, ticket: Ticket) -> float:
        """Try to take; the seconds to wait when it is not this request's turn."""
        arguments = ("take", int(ticket.share), ticket.member, self._limit)
        spans = (_ms(self.window), _ms(self._lease), self._leave)
        witness = self._local.newest(ticket.account) or ("", "")
        answer = await self._ask(ticket.account, *arguments, *spans, *witness)
        if answer is not None and answer[0] == -1:
            await self._remind_redis(ticket.account)
            answer = await self._ask(ticket.account, *arguments, *spans, "", "")
        if answer is None:
            return self._local.try_alone(ticket.account, int(ticket.share), ticket.member)
        self._note_used(ticket.account, int(answer[2]), int(answer[3]))
        if answer[0] == 0:
            self._local.note(ticket.account, int(ticket.share), ticket.member)
        return float(answer[0]) / 1000

    def _note_used(self, account: AccountKey, used: int, limit: int) -> None:
        if limit > 0:
            USED.observe(used / limit)
        enough = min(limit * PRESSED, max(PRESSED_FROM, limit * NEXT_TO_NOTHING))
        if used <= enough:
            return  # where Vindi's window has just begun anew, the account is no calmer yet
        self._pressed_until[account] = time.monotonic() + self.window.total_seconds() / 2
        self._pressed_until.move_to_end(account)
        if len(self._pressed_until) > MOST_ACCOUNTS:
            self._pressed_until.popitem(last=False)

    async def _remind_redis(self, account: AccountKey) -> None:
        entries = [
            part
            for share, name, left in self._local.remembered(account)
            for part in (share, name, _ms(left))
        ]
        await self._ask(account, "restore", *entries)

    async def _ask(self, account: AccountKey, *arguments: str | int) -> list[Any] | None:
        """Run the script for an account; None while Redis does not answer."""
        if self._script is None or time.monotonic() < self._redis_rests_until:
            return None
        keys = [f"{{{account}}}:vindi:{part}" for part in ("1", "2", "3", "4", "flying", "state")]
        try:
            async with asyncio.timeout(self._answer):
                answer: list[Any] = await self._script(keys=keys, args=list(arguments))
        except (RedisError, OSError, TimeoutError):
            self._note_redis(works=False)
            return None
        self._note_redis(works=True)
        return answer

    def _note_redis(self, *, works: bool) -> None:
        if not works:
            self._redis_rests_until = time.monotonic() + REST_SECONDS
        if works != self._redis_works:
            if works:
                log.info("vindi_budget_shared_again")
            else:
                log.warning("vindi_budget_local")
        self._redis_works = works


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
