"""A managed PostgreSQL gives no superuser: what the role of DATABASE_URL needs, and no more."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.crypto.seal import Sealer
from shared.db.connection import open_pool
from shared.db.migrate import migrate
from shared.db.one_tenant import PANEL_ROLE, pool_of
from shared.db.revision import current_revision, head_revision
from shared.domain.ids import TenantId
from shared.keys import prove_keys
from shared.local.home import new_secret_key
from shared.local.postgres import SERVICES, running_postgres
from tests.support.servers import PostgresForTests

PASSWORD = "managed"


@pytest_asyncio.fixture
async def server(server_folder: Path, tmp_path: Path) -> AsyncIterator[PostgresForTests]:
    """A server of its own: roles are the server's, not the database's."""
    home = server_folder / f"managed-{tmp_path.name}"
    home.mkdir()
    async with running_postgres(home) as one:
        yield PostgresForTests(admin_url=one.url("postgres"))


def as_managed(server: PostgresForTests) -> str:
    url = urlsplit(server.url("managed"))
    return urlunsplit(url._replace(netloc=f"managed:{PASSWORD}@{url.hostname}:{url.port}"))


async def make(server: PostgresForTests, rights: str) -> str:
    await server.run(f"CREATE ROLE managed LOGIN NOSUPERUSER {rights} PASSWORD '{PASSWORD}'")
    await server.run("CREATE DATABASE managed OWNER managed")
    return as_managed(server)


async def works(url: str) -> None:
    """What the services need beyond plain statements: keys proved, and the panel's role."""
    settings = DatabaseSettings(url=Secret.of(url), pool_size=2, pooler="none")
    async with open_pool(settings, application="tests") as pool:
        async with pool.acquire() as conn:
            assert await current_revision(conn) == head_revision()
            await prove_keys(conn, Sealer.from_text([new_secret_key()]))
        async with pool_of(pool, TenantId("taaaaaaaaaa")).acquire() as conn:
            assert await conn.fetchval("SELECT current_user") == PANEL_ROLE
            assert await conn.fetchval("SELECT count(*) FROM tenants") == 0


async def test_a_role_that_owns_its_database_and_may_make_roles_is_enough(
    server: PostgresForTests,
) -> None:
    url = await make(server, "CREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS")

    assert await migrate(url) == head_revision()
    await works(url)


async def test_without_that_right_the_roles_are_made_and_granted_before(
    server: PostgresForTests,
) -> None:
    url = await make(server, "NOCREATEROLE")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await migrate(url)

    await server.run(f"CREATE ROLE {PANEL_ROLE} NOLOGIN")
    await server.run(f"GRANT {PANEL_ROLE} TO managed")
    await server.run(f"CREATE ROLE {SERVICES} NOLOGIN")
    await server.run(f"GRANT {PANEL_ROLE} TO {SERVICES}")
    assert await migrate(url) == head_revision()
    await works(url)


async def test_services_log_in_as_a_member_of_the_role_that_owns_nothing(
    server: PostgresForTests,
) -> None:
    url = await make(server, "CREATEROLE")
    await migrate(url)
    await server.run(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}' IN ROLE {SERVICES}")

    await works(url.replace("//managed:", "//app:"))
