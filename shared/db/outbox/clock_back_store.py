"""After a clock that was hours ahead was set right: nobody waits until it is that late again.

Whatever is due, leased or put off has its instant by the database's clock. Where that clock was
ahead, a lease of a process that died meanwhile, and the next reading of an account, lie as far in
the future as it was. What is further away than any of us puts it is brought near; a process that
lives renews its lease within seconds, so that nothing is taken from it.
"""

from datetime import timedelta
from typing import Final

from shared.db.connection import Connection

# The longest lease of all is three minutes (`deep_check.LEASE`), an emitter's twelve seconds.
FARTHEST: Final = timedelta(minutes=15)
SOON: Final = timedelta(minutes=5)
VERY_SOON: Final = timedelta(minutes=1)

OUTBOX: Final = """
    -- clock_back_store.bring_near_any_tenant sales
    UPDATE outbox SET lease_until = now() + $2::interval
     WHERE state = 'leased' AND lease_until > now() + $1::interval
"""
READINGS: Final = """
    -- clock_back_store.bring_near_any_tenant readings
    UPDATE reconciler_passes SET lease_until = now() + $2::interval
     WHERE lease_until > now() + $1::interval
"""
BACKFILLS: Final = """
    -- clock_back_store.bring_near_any_tenant backfills
    UPDATE backfills SET lease_until = now() + $2::interval
     WHERE lease_until > now() + $1::interval
"""
CHECKS: Final = """
    -- clock_back_store.bring_near_any_tenant closings
    UPDATE closing_checks SET lease_until = now() + $2::interval
     WHERE lease_until > now() + $1::interval
"""
LISTS: Final = """
    -- clock_back_store.bring_near_any_tenant lists
    UPDATE issuer_lists SET lease_until = now() + $2::interval
     WHERE lease_until > now() + $1::interval
"""
FILES: Final = """
    -- clock_back_store.bring_near_any_tenant files
    UPDATE month_files SET lease_until = now() + $2::interval
     WHERE lease_until > now() + $1::interval
"""
RESTORES: Final = """
    -- clock_back_store.bring_near_any_tenant restores
    UPDATE restore_checks SET lease_until = now() + $2::interval
     WHERE lease_until > now() + $1::interval
"""
ACCOUNTS: Final = """
    -- clock_back_store.bring_near_any_tenant accounts
    UPDATE reconciler_passes SET next_pass_at = now() WHERE next_pass_at > now() + $1::interval
"""


async def bring_near_any_tenant(conn: Connection, *, longest_rest: timedelta) -> int:
    """Shorten what waits for longer than anybody meant; returns how many rows there were.

    `longest_rest` is the longest that an account is left alone on purpose.
    """
    told = [
        await conn.execute(OUTBOX, FARTHEST, VERY_SOON),
        await conn.execute(READINGS, FARTHEST, VERY_SOON),
        await conn.execute(BACKFILLS, FARTHEST, VERY_SOON),
        await conn.execute(RESTORES, FARTHEST, VERY_SOON),
        await conn.execute(CHECKS, FARTHEST, SOON),
        await conn.execute(LISTS, FARTHEST, SOON),
        await conn.execute(FILES, FARTHEST, SOON),
        await conn.execute(ACCOUNTS, longest_rest),
    ]
    return sum(int(tag.rpartition(" ")[2]) for tag in told)
