"""How many records match, where a list says it and where it does not."""

from typing import Any, Final

from shared.vindi.client import MOST_PER_PAGE, Page, Resource, VindiClient
from shared.vindi.errors import VindiNoTotal, VindiPagesRepeat
from shared.vindi.query import Query

# Of fifty rows each: a million and a half, found by some thirty requests.
MOST_DOUBLINGS: Final = 15


async def counted(
    client: VindiClient, resource: Resource[Any], query: Query
) -> tuple[int, Page[Any]]:
    """Say how many match, and show a page of them; for one request where Vindi tells.

    A list without `Total` is counted by its last page that has rows, which is looked for by
    halves. Raises VindiPagesRepeat where no page can be told from those before it, VindiNoTotal for
    more than can be counted so, and what the client raises.
    """
    first = await client.read_page(resource, query, per_page=1)
    if first.total is not None:
        return first.total, first
    first = await client.read_page(resource, query, per_page=MOST_PER_PAGE)
    if first.total is not None:
        return first.total, first
    return await _by_pages(client, resource, query, first), first


async def _by_pages(
    client: VindiClient, resource: Resource[Any], query: Query, first: Page[Any]
) -> int:
    """How many rows all pages have, each but the last as many as the first."""
    if not first.rows:
        return 0
    low, high, seen = first, 2, first.keys
    for _ in range(MOST_DOUBLINGS):
        page = await _page(client, resource, query, high, seen)
        if not page.rows:
            break
        low, high, seen = page, 2 * high, seen | page.keys
    else:
        raise VindiNoTotal
    while high - low.number > 1:
        page = await _page(client, resource, query, (low.number + high) // 2, seen)
        if page.rows:
            low, seen = page, seen | page.keys
        else:
            high = page.number
    return (low.number - 1) * len(first.rows) + len(low.rows)


async def _page(
    client: VindiClient,
    resource: Resource[Any],
    query: Query,
    number: int,
    seen: frozenset[object],
) -> Page[Any]:
    page = await client.read_page(resource, query, number=number, per_page=MOST_PER_PAGE)
    if page.rows and page.keys <= seen:
        client.oddities.add("pages_repeat")
        raise VindiPagesRepeat
    return page
