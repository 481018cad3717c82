"""Failed sign-ins, by where they came from and whose account they were for."""

from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.domain.sign_in import Failures

READ: Final = """
    -- failures_store.lock
    SELECT failures, last_at FROM sign_in_failures
     WHERE source_word = $1 AND account_word = $2 FOR UPDATE
"""


async def lock(conn: Connection, source: bytes, account: bytes) -> Failures | None:
    """The failures of a source for an account, held until the transaction ends."""
    row = await conn.fetchrow(READ, source, account)
    return None if row is None else Failures(count=row["failures"], last_at=row["last_at"])


COUNT: Final = """
    -- failures_store.count
    INSERT INTO sign_in_failures AS f (source_word, account_word, failures, last_at)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT (source_word, account_word) DO UPDATE
       SET failures = greatest(f.failures + 1, excluded.failures), last_at = excluded.last_at
"""


async def count(
    conn: Connection, source: bytes, account: bytes, failures: int, now: datetime
) -> None:
    """Count one more; `failures` are those with it, as `lock` found them."""
    await conn.execute(COUNT, source, account, failures, now)


CLEAR: Final = """
    -- failures_store.clear
    DELETE FROM sign_in_failures WHERE source_word = $1 AND account_word = $2
"""


async def clear(conn: Connection, source: bytes, account: bytes) -> None:
    """Forget what a source failed at for an account."""
    await conn.execute(CLEAR, source, account)


FORGET: Final = """
    -- failures_store.forget
    DELETE FROM sign_in_failures WHERE last_at < $1
"""


async def forget(conn: Connection, before: datetime) -> None:
    """Forget what is long past."""
    await conn.execute(FORGET, before)
