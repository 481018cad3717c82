"""Seals every stored secret afresh under the first of SECRET_KEYS, online and in small commits.

Run once, after a new key was put in front; then the old one may go. Words by which documents,
people and issuer keys are found follow in the same step: written under the first key, searched for
under all of them, so that nothing is missed meanwhile. The first run in a database of before 0.4
also binds every value to the row it lies in.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.crypto.seal import Sealer
from shared.db.connection import Connection, connect
from shared.db.revision import SchemaError, current_revision, head_revision
from shared.db.sales import kept_figures_store
from shared.keys import (
    LISTEN,
    StillSealingError,
    bind_rows,
    demand_canary,
    forget_other_canaries,
    prove_keys,
)
from shared.ops.rotate_filters import reseal_filters_any_tenant
from shared.ops.rotate_lists import lists_to_read_any_tenant
from shared.ops.rotate_tables import TABLES, TOGETHER, RotatedTable
from shared.ops.rotate_walk import Walked, walk_any_tenant

PASSES: Final = 4
TELL_EVERY: Final = 5.0  # seconds

# The name of a table or a step, rows read, values changed, and whether it goes on.
Tell = Callable[[str, int, int], None]


class Rotated(Struct, frozen=True, kw_only=True):
    """What a rotation did: values that changed, and companies whose lists are read again.

    `broken` counts values that were left as they are, since they cannot be read; the first of each
    table are named.
    """

    changed: int
    rows: int
    waiting: int
    broken: int = 0
    named: Sequence[str] = ()

    @property
    def whole(self) -> bool:
        """Whether the old keys may go: what is broken opens under none of them."""
        return not self.waiting


async def rotate(
    url: str, keys: Sequence[str], tell: Tell, *, heard_after: timedelta = LISTEN * 2
) -> Rotated:
    """Seal and hash everything afresh; `tell` hears of each table.

    Passes follow each other until one finds nothing to change. Safe to repeat and to interrupt: a
    value is sealed under one key or the other, never neither. A value that cannot be read keeps
    the others from nothing. A rotation under another first key that has ended meanwhile ends
    this one. Raises WrongKeysError, StillSealingError, KeysReplacedError, SchemaError.
    """
    sealer = Sealer.from_text(keys)
    conn = await connect(url)
    try:
        await _demand_head(conn)
        await prove_keys(conn, sealer)
        if await bind_rows(conn, sealer):
            await asyncio.sleep(heard_after.total_seconds())  # services hear of it meanwhile
        done = await _until_nothing_changes(conn, sealer, tell)
        waiting = await lists_to_read_any_tenant(conn) if sealer.changes_keys else 0
        if done.changed:
            # Code from before kept sealed texts in them; who looks next has them added up.
            await kept_figures_store.forget_any_tenant(conn)
        rotated = Rotated(
            changed=done.changed,
            rows=done.rows,
            waiting=waiting,
            broken=done.broken,
            named=done.named,
        )
        if rotated.whole:
            async with conn.transaction():
                await forget_other_canaries(conn, sealer)
        return rotated
    finally:
        await conn.close()


async def _demand_head(conn: Connection) -> None:
    """Another version may seal what this one does not know, which the old key is needed for."""
    current, head = await current_revision(conn), head_revision()
    if current is None or current < head:
        raise SchemaError(
            f"The database is at {current or 'nothing'}, not at {head}: make migrate."
        )
    if current > head:
        raise SchemaError(
            f"The database is at {current}, which is later than this version's {head}: rotate with"
            " the version that migrated it, so that no sealed column is left out."
        )


async def _until_nothing_changes(conn: Connection, sealer: Sealer, tell: Tell) -> Walked:
    """Values that changed, the rows there are, and what is broken in them."""
    changed = 0
    for _ in range(PASSES):
        found = await _pass_any_tenant(conn, sealer, tell)
        changed += found.changed
        if not found.changed:
            return replace(found, changed=changed)
    raise StillSealingError


async def _pass_any_tenant(conn: Connection, sealer: Sealer, tell: Tell) -> Walked:
    together = [table for table in TABLES if table.name in TOGETHER]
    others = [table for table in TABLES if table.name not in TOGETHER]
    async with conn.transaction():
        walked = [await _walked(conn, sealer, table, tell) for table in together]
    walked += [await _walked(conn, sealer, table, tell) for table in others]
    async with conn.transaction():
        await demand_canary(conn, sealer)
        lists = await reseal_filters_any_tenant(conn, sealer)
    tell("saved_filters", lists, lists)
    walked.append(Walked(rows=0, changed=lists))
    return Walked(
        rows=sum(one.rows for one in walked),
        changed=sum(one.changed for one in walked),
        broken=sum(one.broken for one in walked),
        named=[name for one in walked for name in one.named],
    )


async def _walked(conn: Connection, sealer: Sealer, table: RotatedTable, tell: Tell) -> Walked:
    told = time.monotonic()

    def progress(rows: int) -> None:
        nonlocal told
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            tell(f"{table.name} …", rows, 0)

    walked = await walk_any_tenant(conn, sealer, table, progress)
    tell(table.name, walked.rows, walked.changed)
    return walked
