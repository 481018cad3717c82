"""A tenant with customers of its own."""

import pytest
import pytest_asyncio

from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from tests.privacy.person import Rows


@pytest.fixture
def sealer() -> Sealer:
    return Sealer([bytes(range(32))])


@pytest_asyncio.fixture
async def rows(pool: Pool, sealer: Sealer) -> Rows:
    written = Rows(pool=pool, sealer=sealer)
    await written.a_tenant()
    return written
