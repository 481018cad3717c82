"""The clients and the stand-ins were written by different hands from the same pages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis

from services.sandbox.clock import Clock
from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from shared.domain.bill import BillStatus
from shared.domain.ids import BillId, CustomerId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.interface import CancelAccepted, Issued, Issuer, NotReady, Pending, Phase
from shared.issuer.limits import Limits
from shared.vindi.budget import Budget, BudgetShare
from shared.vindi.bulk import Bulk
from shared.vindi.client import BILLS, CUSTOMERS, Read, VindiClient
from shared.vindi.query import where
from tests.vendors.bodies import KEY, a_draft
from tests.vendors.conftest import ACCOUNT, a_budget

NOON = 1_775_833_200.0  # 2026-04-10 12:00 in Brasília
PATIENT = timedelta(seconds=30)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(clock=Clock(start=NOON, speed=0)) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    return sandbox.vindi.create_account()


def a_client(
    session: ClientSession, sandbox: Sandbox, account: Account, budget: Budget
) -> VindiClient:
    return VindiClient(
        session,
        base_url=sandbox.vindi_url,
        api_key=account.keys[0].key,
        account=ACCOUNT,
        budget=budget,
        share=BudgetShare.DUE,
        patience=PATIENT,
    )


@pytest.fixture
def client(session: ClientSession, sandbox: Sandbox, account: Account) -> VindiClient:
    return a_client(session, sandbox, account, Budget(None, per_window=1000))


def a_sale(account: Account) -> int:
    customer = operations.create_customer(account, name="Padaria Fictícia Ltda")
    bill = operations.sale(account, customer_id=customer.id, amount="179.90")
    return int(bill.id)


async def test_sales_are_read_in_bulk_with_their_customers_and_refunds(
    client: VindiClient, account: Account
) -> None:
    numbers = [BillId(a_sale(account)) for _ in range(7)]
    operations.refund(account, bill_id=numbers[0], amount="50.00")

    bulk = Bulk()
    bills = await bulk.refresh_bills(client, numbers)
    read = [row.value for row in bills.values() if isinstance(row, Read)]
    customers = await bulk.refresh_customers(client, [bill.customer_id for bill in read])
    refunds = await bulk.refunds_of_charges(client, [bill.charges[0].id for bill in read])

    assert [bill.status for bill in read] == [BillStatus.PAID] * 7
    assert all(isinstance(row, Read) for row in customers.values())
    given_back = [sum(r.amount for r in row) for row in refunds.values() if isinstance(row, tuple)]
    assert sorted(given_back) == [0] * 6 + [5000]
    assert bulk.honours_lists(ACCOUNT)
    assert await client.count(BILLS, where("status", "=", "paid")) == 7


async def test_a_good_key_and_one_that_reads_nothing_are_told_apart(
    session: ClientSession, sandbox: Sandbox, client: VindiClient
) -> None:
    blank = sandbox.vindi.create_account(role="Blank")
    other = a_client(session, sandbox, blank, Budget(None, per_window=1000))

    assert (await client.check_key()).outcome == "ok"
    assert (await other.check_key()).outcome == "too_narrow"


async def test_vindi_never_counts_a_request_too_many(
    session: ClientSession, sandbox: Sandbox, account: Account, shared_redis: Redis
) -> None:
    number = BillId(a_sale(account))
    account.rate.limit, account.rate.length = 30, 1.0
    clients = [
        a_client(
            session,
            sandbox,
            account,
            a_budget(shared_redis, per_window=30, window=timedelta(seconds=1)),
        )
        for _ in range(2)
    ]

    await asyncio.gather(*(clients[n % 2].read_one(BILLS, number) for n in range(70)))

    assert account.rate.peak <= 30
    assert account.rate.refused == 0


def an_issuer_at(
    session: ClientSession, sandbox: Sandbox, *, missing: list[str] | None = None
) -> Issuer:
    key = sandbox.enotas.create_key()
    company = sandbox.enotas.create_company(key=key.key, missing=missing)
    return EnotasIssuer(
        session,
        base_url=sandbox.enotas_url,
        api_key=key.key,
        company_id=company.id.upper(),
        limits=Limits(None, parallel=4, per_second=1000),
        limit_key=ACCOUNT,
    )


@pytest.fixture
def enotas(session: ClientSession, sandbox: Sandbox) -> Issuer:
    return an_issuer_at(session, sandbox)


async def test_a_nota_goes_from_request_to_cancellation(enotas: Issuer, sandbox: Sandbox) -> None:
    sent = await enotas.submit(KEY, a_draft(), environment="Producao")
    assert isinstance(sent, Pending)
    assert await enotas.documents(KEY, "pdf") == NotReady()
    assert isinstance(await enotas.submit(KEY, a_draft(), environment="Producao"), Pending)

    sandbox.clock.advance(3600)
    await sandbox.settle()
    found = await enotas.find(KEY)
    assert found is not None
    assert (found.phase, found.issuer_id, found.amount) == (Phase.ISSUED, sent.issuer_id, 9990)
    again = await enotas.submit(KEY, a_draft(), environment="Producao", look_first=True)
    assert isinstance(again, Issued)
    assert isinstance(await enotas.documents(KEY, "xml"), bytes)

    assert await enotas.cancel(KEY) == CancelAccepted()
    sandbox.clock.advance(3600)
    await sandbox.settle()
    gone = await enotas.get(sent.issuer_id)
    assert gone is not None
    assert gone.phase is Phase.CANCELLED
    assert await enotas.cancel(KEY) == CancelAccepted()


async def test_a_company_says_what_it_lacks(session: ClientSession, sandbox: Sandbox) -> None:
    enotas = an_issuer_at(session, sandbox, missing=["certificado"])

    connection = await enotas.check_connection()

    assert connection.missing
    assert connection.company_name == "Empresa Exemplo Ltda"


async def test_a_customer_unknown_to_vindi_is_none(client: VindiClient) -> None:
    assert await client.read_one(CUSTOMERS, CustomerId(404404)) is None
