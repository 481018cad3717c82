"""Who calls: tokens, what each may do, and what becomes of those who guess."""

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import structlog
from prometheus_client import Counter

from services.reconciler.api.kit.problem import Problem
from shared.config.env import ApiToken
from shared.crypto.tokens import hash_secret, is_internal_token
from shared.db.connection import Pool
from shared.db.people import tokens_store
from shared.db.people.tokens_store import TokenScope

Wrong = Literal["missing", "unknown", "expired", "revoked"]

RANKS: Final[dict[TokenScope, int]] = {"read": 0, "support": 1, "operator": 2}
FREE: Final = 5  # wrong tokens of one source before it is slowed down
FORGOTTEN_SECONDS: Final = 60.0
LONGEST_WAIT: Final = 2.0  # seconds a wrong token is kept waiting at most
MOST_WAITING: Final = 50  # for that, of all sources; more are told to come again
MOST_SOURCES: Final = 10_000
LOOK_UPS_AT_ONCE: Final = 2  # in the database, for tokens of sources that were wrong before

WRONG: Final = Counter(
    "notaponte_internal_tokens_wrong_total", "Calls of the internal API refused, by why.", ["why"]
)
for _why in ("missing", "unknown", "expired", "revoked", "too_many"):
    WRONG.labels(_why)  # shown as 0 before the first, so that the first is a rise

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A token's name, which histories show, and what it may do."""

    name: str
    scope: TokenScope

    def may(self, scope: TokenScope) -> bool:
        """Whether this is within what the token is for."""
        return RANKS[self.scope] >= RANKS[scope]


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


@dataclass(slots=True, kw_only=True)
class Tokens:
    """The tokens of the setting, which are operators', and those in the database.

    A token of the setting is known without the database, so that an operator gets in while that is
    away. Wrong ones are counted and, from one source, answered ever later.
    """

    of_setting: Sequence[ApiToken]
    _failures: OrderedDict[str, _Failures] = field(default_factory=OrderedDict)
    _waiting: int = 0
    _look_ups: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(LOOK_UPS_AT_ONCE)
    )

    async def caller(self, pool: Pool, header: str, source: str) -> Caller:
        """Who calls, by the Authorization header; `source` is where from.

        Problem 401 for anything that is no valid token, 429 when too many are being refused.
        """
        scheme, _, given = header.partition(" ")
        given = given.strip()
        if scheme.lower() != "bearer" or not given:
            raise self._refused(source, "missing")
        name = self._named(given)
        if name is not None:
            return Caller(name=name, scope="operator")
        found = await self._find(pool, given, source)
        if isinstance(found, Caller):
            return found
        await self._slow_down(source)
        raise self._refused(source, found)

    def _named(self, given: str) -> str | None:
        """Every token is compared, each in constant time, so that time tells nothing."""
        digest = _digest(given)
        names = [
            token.name
            for token in self.of_setting
            if hmac.compare_digest(digest, _digest(token.token.reveal()))
        ]
        return names[0] if names else None

    async def _find(self, pool: Pool, given: str, source: str) -> Caller | Wrong:
        if not is_internal_token(given):
            return "unknown"
        if self._count(source) < FREE:
            return await _look_up(pool, given)
        async with self._look_ups:
            return await _look_up(pool, given)

    async def _slow_down(self, source: str) -> None:
        """Keep a source that guesses waiting; without a connection, and never too many."""
        failures = self._failures.pop(source, None) or _Failures()
        if time.monotonic() - failures.last > FORGOTTEN_SECONDS:
            failures.count = 0
        failures.count += 1
        failures.last = time.monotonic()
        self._failures[source] = failures
        if len(self._failures) > MOST_SOURCES:
            self._failures.popitem(last=False)
        over = failures.count - FREE
        if over <= 0:
            return
        if self._waiting >= MOST_WAITING:
            WRONG.labels("too_many").inc()
            raise Problem(
                429,
                "too_many_wrong_tokens",
                "Too many wrong tokens come in; try again.",
                headers={"Retry-After": "5"},
            )
        self._waiting += 1
        try:
            await asyncio.sleep(min(LONGEST_WAIT, 0.1 * 2.0 ** min(over, 10)))
        finally:
            self._waiting -= 1

    def _count(self, source: str) -> int:
        failures = self._failures.get(source)
        if failures is None or time.monotonic() - failures.last > FORGOTTEN_SECONDS:
            return 0
        return failures.count

    def _refused(self, source: str, why: Wrong) -> Problem:
        WRONG.labels(why).inc()
        count = self._count(source)
        if why != "missing" and (count <= FREE or count % 100 == 0):
            log.warning("internal_token_refused", why=why, source=source, failures=count)
        return Problem(
            401,
            "unauthorized",
            "A bearer token of this installation is needed.",
            headers={"WWW-Authenticate": "Bearer"},
        )


async def _look_up(pool: Pool, given: str) -> Caller | Wrong:
    async with pool.acquire() as conn:
        found = await tokens_store.find(conn, hash_secret(given))
        if found is None:
            return "unknown"
        if found.revoked:
            return "revoked"
        if found.expired:
            return "expired"
        if found.use_to_note:
            await tokens_store.note_use(conn, found.name)
    return Caller(name=found.name, scope=found.scope)


def _digest(text: str) -> bytes:
    # Equal lengths: comparing must not tell how long a token is.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
