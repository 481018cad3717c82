"""The quick part: a tenant's first day against a stranger's Vindi and eNotas."""

from pathlib import Path

from tests.outside.town import a_town
from tests.outside.vindi import moves


async def test_each_sale_of_a_day_ends_as_the_papers_demand(
    database: str, redis_url: str, tmp_path: Path
) -> None:
    async with a_town(database=database, redis=redis_url, folder=tmp_path) as town:
        shop = await town.open_shop()
        shop.sold()
        shop.sell()
        await shop.tell()
        cancelled = shop.sell()
        moves.cancel(shop.account, cancelled)
        await shop.tell()
        refunded = shop.sold("59.90")
        await shop.tell()
        moves.refund(shop.account, refunded)
        await shop.tell()
        await shop.settled()
        await shop.balanced()
