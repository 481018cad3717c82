"""Commands that mend why `make up` does not start reach its database all the same."""

from pathlib import Path

import pytest
import pytest_asyncio

from shared.crypto.seal import Sealer
from shared.db.connection import connect
from shared.db.migrate import migrate
from shared.keys import prove_keys
from shared.local.home import Home, new_secret_key, open_home
from shared.local.postgres import ensure_database
from shared.ops.at_rest import database_for, serving_at_rest
from tests.ops.test_words import said


@pytest_asyncio.fixture
async def rests(server_folder: Path, tmp_path: Path) -> dict[str, str]:
    """The home of an `up` that ran under one key, and was then given another."""
    env = {"NOTAPONTE_HOME": str(server_folder / tmp_path.name)}
    home = open_home(env)
    async with serving_at_rest(home, home.folder / "backups") as server:
        await ensure_database(server)
        await migrate(server.url("notaponte"))
        conn = await connect(server.url("notaponte"))
        await prove_keys(conn, Sealer.from_text([new_secret_key()]))
        await conn.close()
    home.secret_keys()
    return env


async def test_a_lost_key_is_accepted_though_nothing_starts_without_that(
    rests: dict[str, str],
) -> None:
    code, words = await said("shared.ops", "rotate-keys", **rests)
    assert code == 2
    assert "accept-keys" in words

    code, words = await said("shared.ops", "accept-keys", **rests)
    assert (code, "Services start now" in words) == (0, True)

    code, words = await said("shared.ops", "rotate-keys", **rests)
    assert (code, "open under the first key" in words) == (0, True)


async def test_it_is_looked_into_and_nobody_starts_meanwhile(rests: dict[str, str]) -> None:
    statement = "SELECT count(*) AS canaries FROM key_canaries"

    code, words = await said("shared.ops", "psql", "--sql", statement, **rests)
    assert (code, "\n        1\n" in words) == (0, True)

    async with database_for(rests):
        with pytest.raises(Exception, match="already runs"), open_home(rests).locked():
            pass
    code, words = await said("shared.ops", "psql", "--sql", "DELETE FROM tenants", **rests)
    assert code == 1
    assert "read-only transaction" in words
    assert is_free(open_home(rests))


def is_free(home: Home) -> bool:
    """Neither the lock nor the server is left behind."""
    with home.locked():
        return not (home.folder / "postgres" / "data" / "postmaster.pid").exists()
