"""What the processes of `up` are given: services no owner's address, servers no secret of ours."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import asyncpg
import pytest
from rich.console import Console

from shared.local.home import new_secret_key
from shared.local.postgres import SERVICES, running_postgres
from shared.ops.doctor.command import run_doctor
from tests.ops.running_up import RunningUp, started_up

SECRETS = ("SECRET_KEYS", "INTERNAL_API_TOKEN", "DATABASE_URL", "REDIS_URL")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "home"


def told(up: RunningUp, word: str) -> dict[str, str]:
    process = up.part(word)
    assert process is not None, word
    return process.environ()


async def rights(url: str) -> tuple[str, bool, int]:
    """Who one is there, whether a superuser, and how many tables one owns."""
    conn = await asyncpg.connect(url)
    try:
        row = await conn.fetchrow(
            "SELECT current_user::text AS name, rolsuper,"
            " (SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS owned"
            " FROM pg_roles r WHERE rolname = current_user"
        )
    finally:
        await conn.close()
    assert row is not None
    return row["name"], row["rolsuper"], row["owned"]


async def doctor(folder: Path) -> tuple[int, list[str]]:
    """What `make doctor` says in this home, and what of it is not well."""
    report = folder / "report.json"
    nobody = dict.fromkeys(("VINDI_URL_PRODUCTION", "ENOTAS_URL"), "http://127.0.0.1:9")
    env = {"NOTAPONTE_HOME": str(folder), **nobody}
    code = await run_doctor(
        env, Console(file=StringIO()), tenant="", questions=False, report=report
    )
    told = json.loads(report.read_text("utf-8"))["findings"]
    return code, [
        one["words"]
        for one in told
        if one["state"] != "ok" and not one["about"].startswith("certificate")
    ]


async def test_services_of_up_own_nothing_also_in_a_home_of_before(folder: Path) -> None:
    async with started_up(folder) as up:
        await up.ready_line()
        assert await rights(told(up, "services.panel")["DATABASE_URL"]) == (SERVICES, False, 0)
        servers = told(up, "supervisor-servers")
        assert not [name for name in SECRETS if name in servers]
        owner = up.home.database_url.read_text(encoding="utf-8").strip()
        assert (await rights(owner))[:2] == ("notaponte", True)
        assert await doctor(folder) == (0, [])  # it looks as services do, and finds all of it
        await up.stop()

    # A home of a version that knew one role only has no password of the services'.
    (folder / "postgres-services-password").unlink()
    async with started_up(folder) as up:
        await up.ready_line()
        assert (await rights(told(up, "services.panel")["DATABASE_URL"]))[0] == SERVICES


async def test_a_program_inside_the_database_sees_no_secret_of_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, new_secret_key())
    await asyncio.to_thread(folder.mkdir)
    async with running_postgres(folder) as server:
        conn = await asyncpg.connect(server.url())
        try:
            await conn.execute("CREATE TABLE seen (line text)")
            await conn.execute("COPY seen FROM PROGRAM 'env'")
            names = {row["line"].partition("=")[0] for row in await conn.fetch("TABLE seen")}
        finally:
            await conn.close()

    assert "PATH" in names
    assert not names & set(SECRETS)
