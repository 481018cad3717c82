"""A service that could open nothing does not start."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import pytest

from shared.crypto.seal import Sealer
from shared.keys import prove_keys
from shared.local.files import free_port
from shared.local.home import new_secret_key
from shared.ops.up.programs import SERVICES, OurService
from tests.ops.running_up import PATIENCE

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_under_other_keys_a_service_ends_with_one_line(
    service: OurService, database: str, redis_url: str
) -> None:
    await first_start(database, new_secret_key())

    code, words = await ended(service, database, redis_url, new_secret_key())

    assert code == 2
    (line,) = [line for line in words.splitlines() if not line.startswith("{")]
    assert line.startswith("SECRET_KEYS: this database holds values sealed under a key")
    assert '"level": "error"' not in words


async def first_start(database: str, key: str) -> None:
    conn = await asyncpg.connect(database)
    try:
        await prove_keys(conn, Sealer.from_text([key]))
    finally:
        await conn.close()


async def ended(
    service: OurService, database: str, redis_url: str, key: str
) -> tuple[int | None, str]:
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database,
        "REDIS_URL": redis_url,
        "SECRET_KEYS": key,
        "INTERNAL_API_TOKEN": "a-token-of-the-test",
        service.port_setting: str(free_port()),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"services.{service.name}"),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode()
