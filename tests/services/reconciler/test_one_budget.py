"""One budget a Vindi account, however many processes read it."""

import asyncio
import sys
from itertools import groupby

from services.sandbox.run import running_sandbox

LIMIT = 30
WINDOW = 2  # seconds
EACH = 40  # requests of each process: four windows are needed for all


async def test_three_processes_never_exceed_an_accounts_limit(redis_url: str) -> None:
    async with running_sandbox() as sandbox:
        account = sandbox.vindi.create_account()
        account.rate.limit, account.rate.length = LIMIT, float(WINDOW)
        readers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.services.reconciler.shared_reader", redis_url,
                sandbox.vindi_url, account.keys[0].key, str(lane), str(EACH), str(LIMIT),
                str(WINDOW),
            )
            for lane in (1, 2, 3)
        ]  # fmt: skip
        ended = await asyncio.gather(*(reader.wait() for reader in readers))

        journal = list(account.journal)
        windows = [len(list(group)) for _, group in groupby(journal, key=lambda e: e.window)]
        assert ended == [0, 0, 0]
        assert len(journal) == 3 * EACH
        assert account.rate.refused == 0
        assert max(windows) <= LIMIT
        # Whenever the window may have begun: no stretch of that length holds more either.
        times = [entry.real for entry in journal]
        assert all(
            later - first >= WINDOW * 0.99
            for first, later in zip(times, times[LIMIT:], strict=False)
        )
