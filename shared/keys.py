"""Whether SECRET_KEYS are those that sealed what the database holds.

Under wrong keys a service would look well and open nothing, and what it seals nobody could open
once the right keys are back. So each service opens a canary of every key in use before it begins.

Canaries also say whether values are bound to their rows: from the first service on in a database
that was empty, elsewhere from the first rotation on, since code from before could not open them.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, NoReturn

import asyncpg
import structlog

from shared.config.settings import EXIT_CODE
from shared.crypto.columns import NOBODY, SealedColumn
from shared.crypto.seal import TO_ROW, Sealer, UnsealError
from shared.db.connection import CONNECT_SECONDS, Connection, Pool
from shared.db.tenants import key_canaries_store
from shared.db.tenants.key_canaries_store import SealedSample
from shared.run.loops import Next, Periodic, beside

CANARY: Final = SealedColumn(
    table="key_canaries", column="value", purpose="canary", keys=("key_id",), of_tenants=False
)
ASK_SECONDS: Final = 2.0 + CONNECT_SECONDS
ASK_AGAIN: Final = timedelta(seconds=1)
# While values are not bound to rows: how soon a service hears that they are to be.
LISTEN: Final = timedelta(seconds=10)

log = structlog.get_logger()


class WrongKeysError(UnsealError):
    """The keys do not open what is stored; the text says which is missing and what to do."""

    def __init__(self, missing: Sequence[SealedSample]) -> None:
        ids = ", ".join(sorted({sample.key_id.hex() for sample in missing}))
        super().__init__(
            f"SECRET_KEYS: this database holds values sealed under a key that is not configured"
            f" (id {ids}). Put that key back, at the end; if it is lost for good,"
            " `python -m shared.ops accept-keys` lets the services start, and what it sealed stays"
            " shut."
        )


class StillSealingError(Exception):
    """Something goes on sealing as before a rotation; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "Something still seals under another key than the first of these SECRET_KEYS: restart"
            " every service with the same SECRET_KEYS, then run this again. Keep the old key."
        )


class KeysReplacedError(Exception):
    """Another rotation has ended since under other keys; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "Another rotation has ended meanwhile, under another first key than these SECRET_KEYS:"
            " this one was stopped for a while, or two ran at once. It changed nothing since. Run"
            " it again with the SECRET_KEYS that the services have, and keep every old key until it"
            " has ended."
        )


async def prove_keys(conn: Connection, sealer: Sealer) -> None:
    """Open a value of every key in use, and leave one under the key that seals from now on.

    From then on the sealer binds to rows if this database's values may be bound. Safe to repeat,
    also by several at once. Raises WrongKeysError, and then changes nothing.
    """
    async with conn.transaction():
        await key_canaries_store.take_turns(conn)
        canaries = await key_canaries_store.read(conn)
        samples = [_canary(value) for value in canaries] or await _one_that_opens(conn, sealer)
        _demand(sealer, samples)
        sealer.binds_rows = not samples or any(value[:1] == TO_ROW for value in canaries)
        await _leave_canary(conn, sealer)


async def bind_rows(conn: Connection, sealer: Sealer) -> bool:
    """Have values bound to their rows from now on; False if they were already.

    Services that run hear of it within `LISTEN`. No code of before 0.4 may run any more. The keys
    were proven before; raises KeysReplacedError where that is not so any more.
    """
    async with conn.transaction():
        await key_canaries_store.take_turns(conn)
        await demand_canary(conn, sealer)
        kept = await key_canaries_store.read(conn)
        sealer.binds_rows = True
        key_id = sealer.sealing_key_id
        bound = CANARY.seal(sealer, NOBODY, b"canary", key_id)
        await key_canaries_store.replace(conn, key_id=key_id, value=bound)
    return all(value[:1] != TO_ROW for value in kept)


async def accept_keys(conn: Connection, sealer: Sealer) -> None:
    """Let services start under these keys, whatever is sealed under others."""
    async with conn.transaction():
        await key_canaries_store.take_turns(conn)
        kept = await key_canaries_store.read(conn)
        sealer.binds_rows = any(value[:1] == TO_ROW for value in kept)
        await _leave_canary(conn, sealer)
        await forget_other_canaries(conn, sealer)


async def _leave_canary(conn: Connection, sealer: Sealer) -> None:
    key_id = sealer.sealing_key_id
    value = CANARY.seal(sealer, NOBODY, b"canary", key_id)
    await key_canaries_store.add(conn, key_id=key_id, value=value)


async def demand_canary(conn: Connection, sealer: Sealer) -> None:
    """Raise KeysReplacedError unless what is sealed now is so under a key that is still in use.

    Lives in the transaction that writes it: a rotation that ends under another first key forgets
    the others' canaries, and then nobody may have to keep them any more.
    """
    if not await key_canaries_store.hold(conn, key_id=sealer.sealing_key_id):
        raise KeysReplacedError


async def forget_other_canaries(conn: Connection, sealer: Sealer) -> int:
    """Forget the canaries of all keys but the first; raises KeysReplacedError where it has none."""
    await demand_canary(conn, sealer)
    return await key_canaries_store.forget_others(conn, key_id=sealer.sealing_key_id)


@asynccontextmanager
async def proven_keys(
    pool: Pool,
    sealer: Sealer,
    *,
    refuse: Callable[[WrongKeysError], None] | None = None,
    explain: Callable[[BaseException], str | None] = lambda _error: None,
    listen: timedelta = LISTEN,
) -> AsyncIterator[None]:
    """Run the block only under keys that fit; otherwise end the process with words.

    While the database is away, or not migrated yet, the block runs (it says that it is not ready)
    and the keys are tried as soon as they can be. `explain` gives the words for the log then.
    While values are not bound to rows, each `listen` it is asked whether they are to be.
    """
    refuse = refuse or end_process
    sealer.binds_rows = False  # until the database says otherwise
    proven = await _tried(pool, sealer, refuse, explain)
    if proven and sealer.binds_rows:
        yield
        return
    trying = Periodic(
        name="prove-keys",
        step=partial(_try_again, pool, sealer, refuse),
        every=ASK_AGAIN,
        failed="keys_not_proven",
        rests_first=True,
    )
    listening = replace(
        trying,
        name="bind-rows",
        step=partial(_try_again, pool, sealer, refuse, listens=True),
        every=listen,
    )

    async def until_bound() -> None:
        if not proven:
            await trying.run()
        if not sealer.binds_rows:
            await listening.run()

    async with beside(prove_keys=until_bound):
        yield


def end_process(error: WrongKeysError) -> NoReturn:
    """End at once: the server that runs us would make another code and a traceback of it."""
    sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    os._exit(EXIT_CODE)


async def _try_again(
    pool: Pool,
    sealer: Sealer,
    refuse: Callable[[WrongKeysError], None],
    *,
    listens: bool = False,
) -> Next | None:
    """The last step once keys are proven; of one that listens, once values are bound to rows."""
    proven = await _tried(pool, sealer, refuse)
    return Next.NEVER if proven and (sealer.binds_rows or not listens) else None


async def _tried(
    pool: Pool,
    sealer: Sealer,
    refuse: Callable[[WrongKeysError], None],
    explain: Callable[[BaseException], str | None] | None = None,
) -> bool:
    """False while the database cannot be asked."""
    try:
        async with asyncio.timeout(ASK_SECONDS), pool.acquire() as conn:
            await prove_keys(conn, sealer)
    except WrongKeysError as error:
        refuse(error)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if explain:
            log.warning("database_not_ready", why=explain(error) or type(error).__name__)
        return False
    return True


def _canary(value: bytes) -> SealedSample:
    row = CANARY.row((value[1:5],))
    return SealedSample(tenant_id=NOBODY, purpose=CANARY.purpose, row=row, value=value)


async def _one_that_opens(conn: Connection, sealer: Sealer) -> Sequence[SealedSample]:
    """What an installation without a canary is judged by: nothing, if it holds nothing yet.

    One value that opens will do. Before there were canaries a key may have been lost together
    with a few values, and the others went on.
    """
    samples = await key_canaries_store.samples_any_tenant(conn)
    opened = [sample for sample in samples if _opens(sealer, sample)]
    return opened[:1] or samples


def _demand(sealer: Sealer, samples: Sequence[SealedSample]) -> None:
    if shut := [sample for sample in samples if not _opens(sealer, sample)]:
        raise WrongKeysError(shut)


def _opens(sealer: Sealer, sample: SealedSample) -> bool:
    try:
        sealer.unseal(sample.value, tenant=sample.tenant_id, purpose=sample.purpose, row=sample.row)
    except UnsealError:
        return False
    return True
