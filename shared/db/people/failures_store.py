"""Failed sign-ins, by where they came from and whose account they were for."""

from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.domain.sign_in import Failures

LOCK: Final = """
    -- failures_store.lock
    INSERT INTO sign_in_failures AS f (source_word, account_word, failures, last_at)
    VALUES ($1, $2, 0, $3)
        ON CONFLICT (source_word, account_word) DO UPDATE SET failures = f.failures
 RETURNING failures, last_at
"""


async def lock(conn: Connection, source: bytes, account: bytes, now: datetime) -> Failures:
    """The failures of a source for an account, held until the transaction ends.

    A row is made where there is none. Were only rows locked that exist, of three tries at once
    one could hold a source's row while it waits for the account's, which the next one holds.
    """
    row = await conn.fetchrow(LOCK, source, account, now)
    if row is None:
        raise AssertionError("the row is made or locked")
    return Failures(count=row["failures"], last_at=row["last_at"])


COUNT: Final = """
    -- failures_store.count
    UPDATE sign_in_failures SET failures = $3, last_at = $4
     WHERE source_word = $1 AND account_word = $2
"""


async def count(
    conn: Connection, source: bytes, account: bytes, failures: int, now: datetime
) -> None:
    """Write how many there are with one more, in the transaction that holds them (`lock`)."""
    await conn.execute(COUNT, source, account, failures, now)


CLEAR: Final = """
    -- failures_store.clear
    DELETE FROM sign_in_failures WHERE source_word = $1 AND account_word = $2
"""


async def clear(conn: Connection, source: bytes, account: bytes) -> None:
    """Forget what a source failed at for an account."""
    await conn.execute(CLEAR, source, account)


# Rows that another try holds are left to it: nobody waits here with rows in hand.
FORGET: Final = """
    -- failures_store.forget
    DELETE FROM sign_in_failures WHERE (source_word, account_word) IN (
           SELECT source_word, account_word FROM sign_in_failures
            WHERE last_at < $1 FOR UPDATE SKIP LOCKED)
"""


async def forget(conn: Connection, before: datetime) -> None:
    """Forget what is long past."""
    await conn.execute(FORGET, before)
