"""One budget a Vindi account, however many processes read it."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest

from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi.account import Account
from shared.clients import Clients
from shared.config.secret import Secret
from shared.config.settings import IssuerSettings, VindiSettings
from shared.db.tenants.connections_store import ConnectionState, VindiConnection
from shared.domain.ids import TenantId
from shared.issuer.limits import Limits
from shared.net.http import open_session
from shared.vindi.budget import Budget, BudgetShare
from shared.vindi.client import VindiClient
from shared.vindi.errors import VindiBusy

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


OF_ONE_ACCOUNT = 6
SECONDS = timedelta(seconds=60)
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def connection(account: Account, merchant_id: int | None) -> VindiConnection:
    return VindiConnection(
        environment="production",
        api_key=Secret.of(account.keys[0].key),
        key_hint="",
        merchant_name="Empresa",
        registry_code=None,
        state=ConnectionState(code="ok", since=NOW, detail="", not_before=None, connected_at=NOW),
        merchant_id=merchant_id,
    )


@pytest.mark.parametrize("known", [True, False])
async def test_two_tenants_of_one_account_share_its_budget_once_it_is_known_whose_it_is(
    known: bool,
) -> None:
    async with running_sandbox() as sandbox, open_session() as session:
        account = sandbox.vindi.create_account()
        account.rate.limit = None
        issuer = IssuerSettings(
            enotas_url=sandbox.enotas_url,
            parallel=1,
            requests_per_second=1,
            timeout=SECONDS,
            lookup_waits=(),
        )
        clients = Clients(
            session,
            budget=Budget(None, per_window=OF_ONE_ACCOUNT),
            limits=Limits(None, parallel=1, per_second=1),
            vindi=_at(sandbox),
            issuer=issuer,
        )
        one = connection(account, account.id if known else None)
        asked: list[int] = []
        for tenant in (TenantId("taaaaaaaaaa"), TenantId("tbbbbbbbbbb")):
            client = clients.vindi(tenant, one, BudgetShare.DUE)
            with pytest.raises(VindiBusy):
                await read_on(client)
            asked.append(len(account.journal) - sum(asked))

    first, second = asked
    assert 0 < first <= OF_ONE_ACCOUNT
    assert second == (0 if known else first)


async def read_on(client: VindiClient) -> None:
    """More often than an account allows."""
    for _ in range(OF_ONE_ACCOUNT + 1):
        await client.merchant()


def _at(sandbox: Sandbox) -> VindiSettings:
    return VindiSettings(
        url_production=sandbox.vindi_url,
        url_sandbox=sandbox.vindi_url,
        requests_per_minute=OF_ONE_ACCOUNT,
        timeout=SECONDS,
    )
