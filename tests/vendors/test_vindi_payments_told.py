"""When payments were recorded, on accounts that take less of a question than is documented."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import ClientSession

from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from shared.domain.ids import ChargeId
from shared.net.http import open_session
from shared.vindi.budget import AccountKey, Budget, BudgetShare
from shared.vindi.client import VindiClient
from shared.vindi.payments import payments_of_charges


@pytest_asyncio.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest_asyncio.fixture
async def shop(session: ClientSession) -> AsyncIterator[tuple[Account, VindiClient]]:
    async with running_sandbox() as sandbox:
        account = sandbox.vindi.create_account()
        account.rate.limit = None
        for _ in range(5):
            operations.sale(account, events=False)
        yield (
            account,
            VindiClient(
                session,
                base_url=sandbox.vindi_url,
                api_key=account.keys[0].key,
                account=AccountKey("tabcdefghij:production"),
                budget=Budget(None, per_window=100_000),
                share=BudgetShare.DUE,
            ),
        )


def some_charges(account: Account) -> set[ChargeId]:
    return {ChargeId(number) for number in list(account.charges.rows)[:3]}


async def test_charges_are_asked_about_at_once(shop: tuple[Account, VindiClient]) -> None:
    account, client = shop
    wanted = some_charges(account)

    assert set(await payments_of_charges(client, wanted)) == wanted
    assert len(account.journal) == 1


async def test_where_a_choice_is_not_listened_to_each_is_asked_about_alone(
    shop: tuple[Account, VindiClient],
) -> None:
    account, client = shop
    account.faults.change({"ignore_or_filters": True})
    wanted = some_charges(account)

    assert set(await payments_of_charges(client, wanted)) == wanted
    assert len(account.journal) == 1 + len(wanted)


async def test_where_the_filter_is_refused_none_is_told_and_nobody_asks_on(
    shop: tuple[Account, VindiClient],
) -> None:
    account, client = shop
    account.faults.change({"refused_filters": {"charge_id"}})

    assert await payments_of_charges(client, some_charges(account)) == {}
    assert len(account.journal) == 2
