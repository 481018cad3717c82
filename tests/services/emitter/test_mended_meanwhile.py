"""A connection is mended while a batch that met it refused is about to say so of its sales.

Who mends it wakes what is worked on as well: else a hold written after that would be woken by
nobody, and say of a good key that it is refused.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from services.sandbox.run import running_sandbox
from shared.config.secret import Secret
from shared.db.connection import Pool
from shared.db.tenants import connections_store
from shared.vindi.budget import BudgetShare
from tests.services.emitter.conftest import SEALER, Desk, a_desk
from tests.services.emitter.interrupted import a_process
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.support.standing_still import StandingStill
from tests.support.statement_proxy import StatementProxy, statement_proxy

if TYPE_CHECKING:
    from shared.db.tenants.connections_store import Side

WRITTEN = "tenants_store.hold"  # what comes next once all is decided
REFUSED = {
    "vindi": "UPDATE vindi_connections SET state = 'vindi_key_refused'",
    "issuer": "UPDATE issuer_connections SET state = 'issuer_key_refused'",
}


@pytest_asyncio.fixture
async def proxy(database: str) -> AsyncIterator[StatementProxy]:
    async with statement_proxy(database) as one:
        yield one


@pytest_asyncio.fixture
async def desk(pool: Pool) -> AsyncIterator[Desk]:
    async with running_sandbox() as sandbox, a_desk(pool, sandbox) as opened:
        opened.account.rate.limit = None
        yield opened


async def enter_key(desk: Desk, side: "Side") -> None:
    set_up = services_of(desk).set_up
    if side == "vindi":
        key = Secret.of(desk.account.keys[0].key)
        client = desk.tools.clients.vindi_account(
            desk.tenant, environment="production", api_key=key, share=BudgetShare.PERSON
        )
        await set_up.connect_vindi(
            desk.tenant, client, api_key=key, environment="production", by="ana"
        )
        return
    key, company = Secret.of(desk.company.key), desk.company.id
    issuer = desk.tools.clients.issuer_company(
        api_key=key,
        company_id=company,
        key_word=connections_store.issuer_key_word(SEALER, key),
    )
    await set_up.connect_issuer(
        desk.tenant, issuer, api_key=key, company_id=company, environment="Producao", by="ana"
    )


@pytest.mark.parametrize("side", ["vindi", "issuer"])
async def test_a_key_that_is_entered_while_its_refusal_is_written_lets_the_sale_go(
    desk: Desk, proxy: StatementProxy, side: "Side"
) -> None:
    await desk.pool.execute(REFUSED[side])
    bill = await desk.sold()

    async def mended() -> None:
        await enter_key(desk, side)

    standing = StandingStill(stations=[(WRITTEN, mended)])
    async with a_process(desk, proxy) as process:
        proxy.count_anew(standing.look)
        await process.work()
    await desk.work()

    assert standing.done
    assert (await desk.sale(bill)).status == "issuing"


@pytest.mark.parametrize("side", ["vindi", "issuer"])
async def test_a_key_that_is_entered_between_two_looks_lets_the_sale_go(
    desk: Desk, side: "Side", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look was with the key before: what the second one says is of that one too."""
    real = connections_store.block
    blocked: list[bool] = []

    async def block(*args: object, **named: object) -> bool:
        if not blocked:
            _revoke(desk, side, revoked=False)
            await enter_key(desk, side)
        blocked.append(await real(*args, **named))  # type: ignore[arg-type]
        return blocked[-1]

    monkeypatch.setattr(connections_store, "block", block)
    bill = await desk.sold()
    _revoke(desk, side, revoked=True)
    await desk.work()
    await desk.later()
    await desk.work()

    assert blocked == [False]
    assert (await desk.sale(bill)).status in ("issuing", "issued")


def _revoke(desk: Desk, side: "Side", *, revoked: bool) -> None:
    if side == "vindi":
        desk.account.keys[0].revoked = revoked
    else:
        desk.sandbox.enotas.keys[desk.company.key].revoked = revoked
