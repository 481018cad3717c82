"""Tokens have a name, a scope and an end; who guesses is slowed, and nobody else."""

import asyncio
import re
import secrets
from typing import get_args

import pytest
from structlog.testing import capture_logs

from services.reconciler.api.kit import caller
from services.reconciler.api.kit.caller import FREE, WRONG
from services.reconciler.app import OPERATIONS
from shared.commands.tokens import TokenRefused, list_tokens, make_token, revoke_token
from shared.db.connection import Pool
from shared.db.people.tokens_store import TokenScope
from shared.db.tenants import audit_store
from shared.db.tenants.audit_store import NO_TENANT
from tests.services.api.support import Reply, World

SCOPES: tuple[TokenScope, ...] = get_args(TokenScope)
PLACES = {"tenant_id": "taaaaaaaaaa", "bill_id": "1", "delivery_id": "1", "month": "2026-10"}


async def a_token(pool: Pool, scope: TokenScope = "support", name: str = "ana") -> str:
    async with pool.acquire() as conn:
        token, _ = await make_token(conn, name, scope, days=30, by="eva")
    return token


async def ask(world: World, token: str, method: str = "GET", path: str = "/tenants") -> Reply:
    return await world.api.call(method, path, headers={"Authorization": f"Bearer {token}"})


def a_guess() -> str:
    return f"notaponte_{secrets.token_urlsafe(32)}"


async def test_what_is_done_is_told_by_the_name_of_its_token(world: World, pool: Pool) -> None:
    token = await a_token(pool, "operator", name="ana.souza")

    made = await world.api.call(
        "POST",
        "/tenants",
        {"name": "Aurora", "plan": "pro"},
        headers={"Authorization": f"Bearer {token}"},
    )

    async with pool.acquire() as conn:
        told = await audit_store.newest_first(conn, made.body["id"], before=None, limit=5)
        of_tokens = await audit_store.newest_first(conn, NO_TENANT, before=None, limit=5)
        (kept,) = await list_tokens(conn)
        stored = str(await conn.fetchrow("SELECT * FROM internal_tokens"))
    assert [(one.action, one.actor) for one in told] == [("tenant_added", "ana.souza")]
    assert [(one.action, one.actor) for one in of_tokens] == [("token_made", "eva")]
    assert kept.used_at is not None
    assert token.removeprefix("notaponte_") not in stored


async def test_no_route_takes_a_token_for_less(world: World, pool: Pool) -> None:
    tokens = {scope: await a_token(pool, scope, name=scope) for scope in SCOPES}
    for operation in OPERATIONS:
        path = re.sub(r"\{(\w+)\}", lambda found: PLACES.get(found[1], "x"), operation.path)
        for scope, token in tokens.items():
            reply = await ask(world, token, operation.method, path)
            refused = reply.status == 403 and reply.code == "scope_too_narrow"
            enough = SCOPES.index(scope) >= SCOPES.index(operation.scope)
            assert refused is not enough, (operation.name, scope, reply)


async def test_a_token_ends_on_its_day_or_at_once(world: World, pool: Pool) -> None:
    token, other = await a_token(pool), await a_token(pool, name="bia")
    assert (await ask(world, token)).status == 200
    assert (await ask(world, other)).status == 200

    async with pool.acquire() as conn:
        await revoke_token(conn, "ana", by="eva")
        await conn.execute("UPDATE internal_tokens SET expires_at = now() WHERE name = 'bia'")
        with pytest.raises(TokenRefused):
            await revoke_token(conn, "ana", by="eva")
        with pytest.raises(TokenRefused):
            await make_token(conn, "ana", "read", days=1, by="eva")

    with capture_logs() as logs:
        assert [(await ask(world, one)).status for one in (token, other)] == [401, 401]
    assert [one["why"] for one in logs if one["event"] == "internal_token_refused"] == [
        "revoked",
        "expired",
    ]


async def test_wrong_tokens_are_counted_slowed_and_logged_without_what_they_are(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "MOST_WAITING", 3)
    token = await a_token(pool)
    before = WRONG.labels("unknown")._value.get()
    guesses = [a_guess() for _ in range(FREE + 12)]
    with capture_logs() as logs:
        first = [(await ask(world, guess)).status for guess in guesses[:FREE]]
        loop = asyncio.get_running_loop()
        began = loop.time()
        many = asyncio.gather(*(ask(world, guess) for guess in guesses[FREE:]))
        await asyncio.sleep(0.05)
        known = await ask(world, token)
        replies = await many
        took = loop.time() - began

    assert first == [401] * FREE
    assert known.status == 200  # of the same source, and not kept waiting behind those
    statuses = [reply.status for reply in replies]
    assert set(statuses) == {401, 429}
    assert {reply.code for reply in replies if reply.status == 429} == {"too_many_wrong_tokens"}
    assert took > 0.2
    counted = WRONG.labels("unknown")._value.get() - before
    assert counted == FREE + statuses.count(401)
    assert not [guess for guess in guesses if guess in str(logs)]


async def test_a_token_of_the_setting_needs_no_database(world: World, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute("ALTER TABLE internal_tokens RENAME TO elsewhere")

    assert (await world.api.get("/tenants")).status == 200
