from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from services.sandbox.run import running_sandbox
from tests.journey.system import System, a_system


@pytest_asyncio.fixture
async def system(database: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with (
        running_sandbox() as sandbox,
        a_system(sandbox, database=database, redis=redis_url, folder=tmp_path) as running,
    ):
        yield running
