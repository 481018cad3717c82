"""What is wrong with a machine is said in words, at the start, and without a secret."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from shared.config.spelling import known_names, mend, misspelt, quoted
from shared.db.connection import connect
from shared.db.unreachable import DatabaseAwayError, told
from shared.local.files import free_port
from shared.local.home import new_secret_key
from shared.ops.up.programs import SERVICES, OurService
from tests.support.servers import PostgresForTests

PASSWORD = "hunter2-of-the-database"
PATIENCE = 90
NOWHERE = f"postgresql://ours:{PASSWORD}@127.0.0.1:1/notaponte"
SETTINGS = {
    "DATABASE_URL": NOWHERE,
    "REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:1/0",
    "SECRET_KEYS": new_secret_key(),
    "INTERNAL_API_TOKEN": "a-token-of-a-test",
    "LOG_FORMAT": "json",
}


async def start(*module: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *module),
        env={"PATH": os.environ["PATH"], **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def said(*module: str, **settings: str) -> tuple[int | None, str]:
    process = await start(*module, **settings)
    words, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert b"Traceback" not in words
    assert PASSWORD.encode() not in words
    return process.returncode, words.decode()


AT_THE_DATABASE = ("migrate", "rotate-keys", "accept-keys", "token", "restored")


async def test_a_database_that_cannot_be_reached_is_named_by_every_command() -> None:
    for verb in AT_THE_DATABASE:
        code, words = await said("shared.ops", verb, **SETTINGS)
        assert code == 1, verb
        assert words.startswith("DATABASE_URL: PostgreSQL at 127.0.0.1:1 cannot be reached")


async def test_a_database_that_nobody_migrated_is_named_with_what_to_type(
    postgres: PostgresForTests,
) -> None:
    await postgres.run("CREATE DATABASE not_migrated")
    try:
        url = postgres.url("not_migrated")
        for verb in ("rotate-keys", "token", "doctor"):
            code, words = await said("shared.ops", verb, **SETTINGS | {"DATABASE_URL": url})
            assert code in {1, 2}, verb
            assert "make migrate" in " ".join(words.split()), verb
    finally:
        await postgres.run("DROP DATABASE not_migrated")


async def test_a_wrong_password_and_a_database_that_is_not_there_are_told_apart(
    database: str,
) -> None:
    wrong = database.replace("://notaponte:", "://notaponte:not")
    _, words = await said("shared.ops", "migrate", **SETTINGS | {"DATABASE_URL": wrong})
    assert "refuses this user or password" in words
    _, words = await said(
        "shared.ops", "migrate", **SETTINGS | {"DATABASE_URL": database.rpartition("/")[0] + "/no"}
    )
    assert "has no database no" in words


async def test_a_database_that_takes_no_writes_is_told_and_the_rest_is_looked_at(
    postgres: PostgresForTests, database: str
) -> None:
    name = database.rpartition("/")[2]
    await postgres.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    settings = SETTINGS | {"DATABASE_URL": database}

    code, words = await said("shared.ops", "token", "--name", "ana", **settings)
    assert code == 1
    assert "takes no writes" in words

    code, words = await said("shared.ops", "doctor", **settings)
    assert code == 1
    assert "default_transaction_read_only is on" in " ".join(words.split())
    assert "redis" in words


async def test_a_database_of_other_software_is_left_as_it_is(postgres: PostgresForTests) -> None:
    await postgres.run("CREATE DATABASE of_others")
    try:
        url = postgres.url("of_others")
        conn = await asyncpg.connect(url)
        try:
            await conn.execute("CREATE TABLE tenants (n int)")
            code, words = await said("shared.ops", "migrate", **SETTINGS | {"DATABASE_URL": url})
            assert code == 1
            assert "give us a database of our own" in words
            tables = await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            assert [row[0] for row in tables] == ["tenants"]
        finally:
            await conn.close()
    finally:
        await postgres.run("DROP DATABASE of_others")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sslmode=banana", "what follows the ? in it cannot be"),
        ("sslmode=require", "speaks no TLS, which sslmode demands"),
        ("no_such_setting=1", "knows no parameter of a name that follows the ?"),
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "that it names is not there"),
    ],
)
async def test_what_follows_an_address_of_the_database_is_told_in_words(
    database: str, query: str, words: str
) -> None:
    with pytest.raises(DatabaseAwayError, match=re.escape(words)):
        await connect(f"{database}?{query}")


async def test_a_redis_that_cannot_be_reached_stops_make_up_with_words(
    database: str, tmp_path: Path
) -> None:
    settings = SETTINGS | {"DATABASE_URL": database, "NOTAPONTE_HOME": str(tmp_path / "home")}
    ports = {one.port_setting: str(free_port()) for one in SERVICES}
    code, words = await said("shared.ops", "up", **settings, **ports)

    assert code == 1
    assert "REDIS_URL: Redis at 127.0.0.1:1/0 cannot be reached" in words


async def test_a_disk_without_room_for_the_first_start_is_told_by_postgresqls_own_word(
    tmp_path: Path,
) -> None:
    settings = {"NOTAPONTE_HOME": str(tmp_path / "home"), "LOG_FORMAT": "json"}
    ports = {one.port_setting: str(free_port()) for one in SERVICES}
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", 'ulimit -f 1024 && exec "$0" -m shared.ops up', sys.executable),
        env={"PATH": os.environ["PATH"], **settings, **ports},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    words, _ = await asyncio.wait_for(process.communicate(), PATIENCE)

    assert process.returncode == 2
    assert words.startswith(b"PostgreSQL cannot make its data in ")
    assert b"File too large" in words


async def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "home"
    occupied.write_text("a file")
    taken = tmp_path / "other"
    (taken / "lock").mkdir(parents=True)  # root may write anywhere, but not into a folder
    for home, told_of in ((occupied, "cannot be made here"), (taken, "is not ours")):
        code, words = await said("shared.ops", "up", NOTAPONTE_HOME=str(home))
        assert code == 2
        assert "NOTAPONTE_HOME" in words
        assert told_of in words


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
async def test_a_port_in_use_is_named_by_the_service_that_wants_it(
    service: OurService, taken_port: int
) -> None:
    code, words = await said(
        f"services.{service.name}", **SETTINGS | {service.port_setting: str(taken_port)}
    )

    assert code == 2
    assert f"Port {taken_port} is already in use" in words


async def test_a_port_of_metrics_in_use_is_named_too(taken_port: int) -> None:
    ports = {"WEBHOOK_PORT": str(free_port()), "METRICS_PORT": str(taken_port)}
    code, words = await said("services.webhook", **SETTINGS | ports)

    assert code == 2
    assert f"Port {taken_port} is already in use" in words


async def test_a_service_without_its_database_lives_and_says_what_it_waits_for() -> None:
    process = await start("services.webhook", **SETTINGS | {"WEBHOOK_PORT": str(free_port())})
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            async for line in process.stdout:
                assert b"Traceback" not in line
                assert PASSWORD.encode() not in line
                if b"database_not_ready" in line:
                    assert b"PostgreSQL at 127.0.0.1:1 cannot be reached" in line
                    break
            else:
                pytest.fail("it ended")
    finally:
        process.terminate()
        await process.communicate()


async def test_a_misspelt_setting_is_named_and_nothing_else_of_the_environment() -> None:
    _, words = await said("shared.ops", "migrate", **SETTINGS, VINDI_TIMOUT="5", EDITOR="vi")
    assert words.splitlines()[0] == (
        "VINDI_TIMOUT is no setting and is not read; did you mean VINDI_TIMEOUT?"
    )
    assert len(words.splitlines()) == 2


async def test_a_file_of_settings_from_another_system_is_taken_as_it_is_meant() -> None:
    there = {f"{name}": f"{value}\r" for name, value in SETTINGS.items() if name != "DATABASE_URL"}
    for name in ("DATABASE_URL", "\ufeffDATABASE_URL"):
        code, words = await said("shared.ops", "migrate", **there, **{name: f"{NOWHERE}\r"})
        assert code == 1
        assert words.startswith("DATABASE_URL: PostgreSQL at 127.0.0.1:1 cannot be reached")


def test_blanks_and_marks_go_and_what_is_none_of_ours_stays() -> None:
    env = {"\ufeffLOG_LEVEL": "debug\r", "REDIS_URL": " redis://cache \r", "EDITOR": "vi\r"}

    mend(env)

    assert env == {"LOG_LEVEL": "debug", "REDIS_URL": "redis://cache", "EDITOR": "vi\r"}


@pytest.mark.parametrize("mark", ['"', "'"])
def test_quotes_that_a_file_of_settings_does_not_take_away_are_told(mark: str) -> None:
    env = {"SECRET_KEYS": f"{mark}{new_secret_key()}{mark}", "EDITOR": '"vi"', "LOG_LEVEL": '"'}

    [told] = quoted(env)
    assert told.startswith("SECRET_KEYS stands in quotes")
    assert new_secret_key()[:4] not in told


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATABASE_POOLSIZE", "DATABASE_POOL_SIZE"),
        ("ISSUER_REQUEST_PER_SECOND", "ISSUER_REQUESTS_PER_SECOND"),
        ("vindi_timeout", "VINDI_TIMEOUT"),
        ("SECRET_KEY", "SECRET_KEYS"),
        ("RECONCILE_EVRY", "RECONCILE_EVERY"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("OTEL_EXPORTER_OLTP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_what_is_nearly_a_setting_is_recognised(name: str, meant: str) -> None:
    assert meant in misspelt({name: "x"})[0]
    assert misspelt({name: "x", meant: "y"}) == []


def test_what_is_no_setting_of_ours_is_nobodys_business() -> None:
    usual = ("PATH", "HOME", "HOSTNAME", "PGPASSWORD", "KUBERNETES_PORT", "TEST_BACKEND", "LANG")
    assert misspelt(dict.fromkeys(usual, "x")) == []
    traced = (
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_SERVICE_NAME",
    )
    assert misspelt(dict.fromkeys(traced, "x")) == []
    assert {"DATABASE_URL", "ISSUER_LOOKUP_WAITS", "NOTAPONTE_HOME"} <= known_names()


def test_what_a_pooler_or_a_full_server_says_is_put_into_words() -> None:
    pooler = asyncpg.ProtocolViolationError("unsupported startup parameter: statement_timeout")
    assert "DATABASE_POOLER=pgbouncer" in (told(pooler, NOWHERE) or "")
    full = asyncpg.TooManyConnectionsError("sorry, too many clients already")
    assert "max_connections" in (told(full, NOWHERE) or "")
    assert told(ValueError("a bug"), NOWHERE) is None


async def test_runbooks_statements_can_be_typed_and_write_nothing(database: str) -> None:
    settings = SETTINGS | {"DATABASE_URL": database}

    code, words = await said("shared.ops", "psql", "--sql", "SELECT 40 + 2 AS told", **settings)
    assert (code, "42" in words) == (0, True)

    code, words = await said("shared.ops", "psql", "--sql", "DELETE FROM tenants", **settings)
    assert code == 1
    assert "read-only transaction" in words
