"""A request that may not leave any more when its turn and its connection are there does not."""

import pytest
from aiohttp import ClientSession

from shared.issuer.errors import IssuerNotLeft
from tests.vendors.bodies import KEY, a_draft
from tests.vendors.conftest import an_issuer
from tests.vendors.test_sent_once import breaks_the_second_request


class Asked:
    """Says yes a number of times, and no from then on."""

    def __init__(self, yes: int) -> None:
        self.yes = yes

    def __call__(self) -> bool:
        self.yes -= 1
        return self.yes >= 0


# Asked at least once for its turn, and once more when the connection is there.
@pytest.mark.parametrize("yes", [0, 1])
@pytest.mark.parametrize("connected", [True, False])
async def test_what_may_not_leave_any_more_is_not_written_to_its_connection(
    session: ClientSession, yes: int, connected: bool
) -> None:
    async with breaks_the_second_request() as (url, asked):
        issuer = an_issuer(session, url)
        if connected:
            await issuer.find(KEY)

        with pytest.raises(IssuerNotLeft):
            await issuer.submit(KEY, a_draft(), environment="Producao", may_leave=Asked(yes))
        with pytest.raises(IssuerNotLeft):
            await issuer.cancel(KEY, may_leave=Asked(yes))

        assert asked == (["GET"] if connected else [])
        if not connected:  # the connection is as good as before
            assert await issuer.find(KEY) is None
            assert asked == ["GET"]


async def test_what_may_leave_leaves(session: ClientSession) -> None:
    async with breaks_the_second_request() as (url, asked):
        issuer = an_issuer(session, url)
        await issuer.cancel(KEY, may_leave=Asked(9))

    assert asked[0] == "DELETE"
