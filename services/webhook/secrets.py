"""Who sent it: a secret in the path, or Basic credentials, proven by its hash."""

import asyncio
import base64
import binascii
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shared.crypto.tokens import hash_secret, same_secret, tenant_of_secret
from shared.db.connection import Pool
from shared.db.tenants import secrets_store
from shared.db.tenants.secrets_store import NONE, REMEMBERED_SECONDS, Hashes
from shared.db.vindi.events_store import Source
from shared.domain.ids import TenantId

MOST_TENANTS: Final = 50_000  # some 20 MB
MOST_STRANGERS: Final = 10_000
MOST_AT_ONCE: Final = 500
LOOK_UP_SECONDS: Final = 5.0
NOBODYS: Final = b"\0" * 32  # compared with when there is nothing to compare with

Key = tuple[TenantId, Source]


class Owner(Struct, frozen=True):
    """Whose a secret is; `former` whose it was until it was replaced, not long ago."""

    tenant: TenantId | None
    former: TenantId | None


class Secrets:
    """Knows tenants by their secrets, from memory where it can.

    Tenants are remembered apart from words that no tenant has, and questions that come together
    are one statement: a flood of wrong secrets neither pushes tenants out of memory nor takes
    more than one connection.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._tenants = _Memory(MOST_TENANTS)
        self._strangers = _Memory(MOST_STRANGERS)
        self._asked: dict[Key, asyncio.Future[Hashes]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def owner(self, source: Source, secret: str) -> Owner:
        """Whose a secret is.

        Raises whatever the database raises when it had to be asked and did not answer.
        """
        tenant = tenant_of_secret(secret)
        hashes = await self._hashes((tenant, source)) if tenant else NONE
        presented = hash_secret(secret)
        # No early end: how many secrets a tenant has, and which was right, must not show.
        valid = [same_secret(presented, known) for known in hashes.valid or (NOBODYS,)]
        former = [same_secret(presented, known) for known in hashes.former or (NOBODYS,)]
        return Owner(tenant=tenant if any(valid) else None, former=tenant if any(former) else None)

    async def _hashes(self, key: Key) -> Hashes:
        known = self._tenants.recall(key)
        if known is None:
            known = self._strangers.recall(key)
        return await self._ask(key) if known is None else known

    async def _ask(self, key: Key) -> Hashes:
        answer = self._asked.get(key)
        if answer is None:
            answer = self._asked[key] = asyncio.get_running_loop().create_future()
            # Whoever asked may have gone; then nobody looks at a failure, and that is all right.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up(), name="secrets")
        return await asyncio.shield(answer)

    async def _look_up(self) -> None:
        try:
            while keys := list(self._asked)[:MOST_AT_ONCE]:
                await self._look_up_some(keys)
        finally:
            self._looking = None

    async def _look_up_some(self, keys: Sequence[Key]) -> None:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS), self._pool.acquire() as conn:
                found = await secrets_store.find_hashes_of_many(conn, keys)
        except Exception as error:  # noqa: BLE001 - handed to everybody who asked
            for key in keys:
                self._asked.pop(key).set_exception(error)
            return
        for key in keys:
            hashes = found.get(key, NONE)
            (self._tenants if hashes.valid else self._strangers).keep(key, hashes)
            self._asked.pop(key).set_result(hashes)


class _Memory:
    """A bounded map that forgets after REMEMBERED_SECONDS, and the longest unused first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, tuple[float, Hashes]] = OrderedDict()

    def recall(self, key: Key) -> Hashes | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        until, hashes = kept
        if until <= time.monotonic():
            del self._kept[key]
            return None
        return hashes

    def keep(self, key: Key, hashes: Hashes) -> None:
        self._kept[key] = (time.monotonic() + REMEMBERED_SECONDS, hashes)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


def secret_of_basic(header: str) -> str | None:
    """The secret in Basic credentials: user is the tenant's id, password the path secret."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        return None
    return password if colon and tenant_of_secret(password) == user else None
