"""Tokens of the internal API: making, ending and listing them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.crypto.tokens import hash_secret, new_internal_token
from shared.db import clock
from shared.db.connection import Connection
from shared.db.people import tokens_store
from shared.db.people.tokens_store import InternalToken, TokenScope
from shared.db.tenants import audit_store
from shared.db.tenants.audit_store import NO_TENANT

MOST_DAYS: Final = 730
SCOPES: Final[tuple[TokenScope, ...]] = ("read", "support", "operator")


class TokenRefused(Exception):
    """It cannot be made or ended; the message says why."""


async def make_token(
    conn: Connection, name: str, scope: TokenScope, *, days: int, by: str
) -> tuple[str, datetime]:
    """Make a token and give it back, with its last instant; it is shown this once.

    TokenRefused when its name was used before: histories show names.
    """
    token = new_internal_token()
    async with conn.transaction():
        now = await clock.now(conn)
        until = now + timedelta(days=days)
        kept = await tokens_store.add(
            conn, name, hash_secret(token), scope, by=by, now=now, expires_at=until
        )
        if not kept:
            raise TokenRefused(f"There was a token named {name} already; choose another name.")
        detail = {"name": name, "scope": scope, "days": days}
        await audit_store.add(conn, NO_TENANT, actor=by, action="token_made", detail=detail)
    return token, until


async def revoke_token(conn: Connection, name: str, *, by: str) -> None:
    """End a token at once; TokenRefused when there is none that could be ended."""
    async with conn.transaction():
        if not await tokens_store.revoke(conn, name):
            raise TokenRefused(f"There is no token named {name} that is not revoked already.")
        await audit_store.add(
            conn, NO_TENANT, actor=by, action="token_revoked", detail={"name": name}
        )


async def list_tokens(conn: Connection) -> Sequence[InternalToken]:
    """Every token there was, without the tokens."""
    return await tokens_store.list_all(conn)
