"""`make token`: tokens of the internal API are made, listed and ended in the database."""

import io

import pytest
from rich.console import Console

from shared.commands.tokens import TokenRefused
from shared.config.env import SettingsError
from shared.ops.tokens import run_tokens


async def run(database: str, name: str = "", **said: str) -> str:
    told = io.StringIO()
    env = {
        "DATABASE_URL": database,
        "INTERNAL_API_TOKEN": "op:a-token-of-a-test",
        "NOTAPONTE_HOME": "/none",
    }
    await run_tokens(
        env,
        Console(file=told, width=200),
        name=name,
        scope=said.get("scope", "read"),
        days=said.get("days", "90"),
        revoke="revoke" in said,
        by="eva",
    )
    return told.getvalue()


async def test_a_token_is_shown_once_listed_and_ended(database: str) -> None:
    made = await run(database, "ana", scope="support", days="30")
    listed = await run(database)
    ended = await run(database, "ana", revoke="1")
    after = await run(database)

    token = made.split()[-1]
    assert token.startswith("notaponte_")
    assert token not in listed
    assert "ana" in listed
    assert "support" in listed
    assert "never" in listed
    assert "ana" in ended
    assert "revoked" in after
    with pytest.raises(TokenRefused, match="already"):
        await run(database, "ana")


async def test_all_that_is_said_wrong_is_told_at_once(database: str) -> None:
    with pytest.raises(SettingsError) as refused:
        await run(database, "ana souza", scope="admin", days="0")
    with pytest.raises(SettingsError, match="INTERNAL_API_TOKEN"):
        await run(database, "op")

    assert len(refused.value.problems) == 3
