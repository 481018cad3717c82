"""One of several processes that read one Vindi account within one budget.

Arguments: Redis' URL, Vindi's URL, the key, the lane, requests to make, limit, window seconds.
"""

import asyncio
import sys
from datetime import timedelta

from redis.asyncio import Redis

from shared.net.http import open_session
from shared.vindi.budget import AccountKey, Budget, BudgetShare
from shared.vindi.client import BILLS, VindiClient


async def read(redis_url: str, vindi_url: str, key: str, lane: str, *numbers: str) -> None:
    requests, limit, window = (int(number) for number in numbers)
    async with Redis.from_url(redis_url) as redis, open_session() as session:
        client = VindiClient(
            session,
            base_url=vindi_url,
            api_key=key,
            account=AccountKey("tabcdefghij:production"),
            budget=Budget(
                redis,
                per_window=limit,
                window=timedelta(seconds=window),
                answer=timedelta(seconds=60),  # a busy machine is slow, Redis is there
            ),
            share=BudgetShare(int(lane)),
            patience=timedelta(seconds=60),
        )
        await asyncio.gather(*(client.read_page(BILLS, None) for _ in range(requests)))


if __name__ == "__main__":
    asyncio.run(read(*sys.argv[1:]))
