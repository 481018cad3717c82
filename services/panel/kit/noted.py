"""That a form's work was done is committed with the work itself.

A process may die between the work and its answer. So each transaction of a form that wrote
something says so at its end in the form's key, in the same commit: whoever finds the key knows
that it was done, and nobody does it again. A transaction ends without effect where another process
took the key over meanwhile, or the turn in which forms of one page are done.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from shared.db.connection import Connection, Pool
from shared.db.tenants import idempotency_store
from shared.db.tenants.idempotency_store import Begun, KeyId

if TYPE_CHECKING:
    from asyncpg.transaction import Transaction


class TakenOver(Exception):
    """Another process does what the key stands for: our work is rolled back."""


class TurnLost(Exception):
    """Another's form of the same page went on meanwhile: our work is rolled back."""


class Note(Struct, frozen=True, kw_only=True):
    """Which key is told, and by whose beginning; `turn` likewise, where turns are taken."""

    key: KeyId
    begun: Begun
    turn: tuple[KeyId, Begun] | None = None


def noting(pool: Pool, note: Note) -> Pool:
    """The same pool, whose transactions note in the key what they commit."""
    return cast("Pool", _NotingPool(pool, note))


class _NotingPool:
    def __init__(self, pool: Pool, note: Note) -> None:
        self._pool = pool
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as conn:
            yield cast("Connection", _NotingConnection(conn, self._note))


class _NotingConnection:
    def __init__(self, conn: Connection, note: Note) -> None:
        self._conn = conn
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    def transaction(self, **options: Any) -> "Transaction | _NotingTransaction":
        inner = self._conn.transaction(**options)
        if self._conn.is_in_transaction():
            return inner  # the one around it tells
        return _NotingTransaction(self._conn, inner, self._note)


class _NotingTransaction:
    def __init__(self, conn: Connection, inner: "Transaction", note: Note) -> None:
        self._conn = conn
        self._inner = inner
        self._note = note

    async def __aenter__(self) -> None:
        await self._inner.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            await self._inner.rollback()
            return
        try:
            await self._tell()
        except BaseException:
            await self._inner.rollback()
            raise
        await self._inner.commit()

    async def _tell(self) -> None:
        note = self._note
        wrote = await idempotency_store.note(self._conn, note.key, note.begun)
        if wrote is False:
            raise TakenOver
        if wrote and note.turn and not await idempotency_store.beat(self._conn, *note.turn):
            raise TurnLost
