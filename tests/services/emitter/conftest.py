"""A tenant connected to the sandbox, and an emitter that works one pass at a time."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest_asyncio
from aiohttp import ClientSession

from services.emitter.acting.ahead import KeyRooms
from services.emitter.acting.group_commit import GroupCommit
from services.emitter.batch import Tools
from services.emitter.dispatch import Dispatcher
from services.emitter.leases import Leases
from services.sandbox.enotas.records import Company, Nota
from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill
from shared.clients import Clients
from shared.config.secret import Secret
from shared.config.settings import IssuerSettings, VindiSettings
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Mark
from shared.db.sales import notas_store, sales_store
from shared.db.sales.notas_store import KnownNota
from shared.db.sales.sales_store import KnownSale
from shared.db.tenants import connections_store, rules_store, tenants_store
from shared.domain.ids import BillId, TenantId
from shared.domain.rule import Rule
from shared.issuer.limits import Limits
from shared.net.http import open_session
from shared.vindi.budget import Budget

SEALER = Sealer([b"k" * 32])
TENANT = TenantId("tabcdefghij")
PRODUCT_CODE = "PLANO"
SECOND_LOOK = timedelta(milliseconds=50)  # the stand-in means what it says
PATIENCE = timedelta(seconds=60)  # the stand-ins always answer, a busy machine late


MOST_PASSES = 100


@dataclass(slots=True, kw_only=True, repr=False)
class Desk:
    """One tenant at work: its account, its company, and an emitter stepped by hand."""

    pool: Pool
    sandbox: Sandbox
    account: Account
    company: Company
    tools: Tools
    tenant: TenantId = TENANT
    product_id: int = 0
    customers: int = 0
    marked: list[BillId] = field(default_factory=list)

    async def sold(self, **details: Any) -> Bill:
        """A sale at Vindi, paid now unless said otherwise, whose event was heard."""
        customer = details.pop("customer", None) or {}
        bill = self.sell(customer=customer, **details)
        await self.heard(BillId(bill.id))
        return bill

    def sell(self, *, customer: dict[str, Any] | None = None, **details: Any) -> Bill:
        """A sale at Vindi nobody told us of."""
        buyer = operations.create_customer(self.account, **{**a_buyer(), **(customer or {})})
        values: dict[str, Any] = {
            "customer_id": buyer.id,
            "lines": [{"product_id": self.product_id, "amount": "179.90"}],
            "paid": True,
            "events": False,
            **details,
        }
        return operations.sale(self.account, **values)

    async def heard(self, *bills: BillId, about_bill: bool = True) -> None:
        """An event about each of these bills was committed."""
        marks = [
            Mark(
                tenant_id=self.tenant,
                bill_id=bill,
                lane=outbox_store.LIVE,
                origin="webhook",
                about_bill=about_bill,
            )
            for bill in bills
        ]
        async with self.pool.acquire() as conn:
            await outbox_store.mark_due(conn, marks)

    async def work(self) -> None:
        """Pass after pass, until nothing is due; none is ever due again and again."""
        dispatcher = Dispatcher(tools=self.tools, worker="test")
        passes = 0
        while await dispatcher.dispatch_once(lambda: None):
            await dispatcher.drain()
            passes += 1
            assert passes < MOST_PASSES, "some sale is due again after each answer"

    async def later(self, by: timedelta = timedelta(days=400)) -> None:
        """Let time pass for everything that waits: its due moments come closer."""
        async with self.pool.acquire() as conn:
            await conn.execute(
                "UPDATE outbox SET due_at = due_at - $1::interval WHERE state = 'due'", by
            )
            await conn.execute(
                "UPDATE notas SET look_up_at = look_up_at - $1::interval,"
                " cancel_sent_at = cancel_sent_at - interval '5 minutes'",
                by,
            )
        self.sandbox.clock.advance(600)

    async def sale(self, bill: Bill) -> KnownSale:
        async with self.pool.acquire() as conn:
            return (await sales_store.load(conn, self.tenant, [BillId(bill.id)]))[BillId(bill.id)]

    async def nota(self, bill: Bill) -> KnownNota:
        async with self.pool.acquire() as conn:
            known = await notas_store.load_newest(conn, self.tenant, [BillId(bill.id)])
        notas = known[BillId(bill.id)]
        return max(notas, key=lambda one: (one.status != "cancelled", one.revision))

    async def rule(self, **changes: Any) -> None:
        rule = Rule.model_validate({"issue_when": "bill_paid", **changes})
        async with self.pool.acquire() as conn, conn.transaction():
            await rules_store.add(conn, self.tenant, rule, by="test")

    def notas_of(self, bill: Bill) -> list[Nota]:
        """What the issuer holds for one bill, for the whole of it or for parts."""
        ours = re.compile(rf"[hp]-{self.tenant}-{bill.id}(x\d+)?-\d+")
        notas = self.company.notas.values()
        return [nota for nota in notas if ours.fullmatch(nota.external_id)]


def a_buyer() -> dict[str, Any]:
    return {
        "name": "Cliente Fictício",
        "email": "cliente@example.org",
        "registry_code": "12345678909",
        "address": {
            "street": "Rua das Amostras",
            "number": "100",
            "additional_details": None,
            "zipcode": "01001000",
            "neighborhood": "Centro",
            "city": "São Paulo",
            "state": "SP",
            "country": "BR",
        },
    }


async def provide(pool: Pool, account: Account, company: Company) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await tenants_store.add(
            conn, TENANT, name="Empresa", plan="pro", timezone="America/Sao_Paulo"
        )
        await connections_store.put_vindi(
            conn,
            SEALER,
            TENANT,
            environment="production",
            api_key=Secret.of(account.keys[0].key),
            merchant_name="Empresa",
            registry_code=None,
        )
        await connections_store.put_issuer(
            conn,
            SEALER,
            TENANT,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of(company.key),
            company_id=company.id,
            company_name="Empresa",
            company_cnpj=None,
        )
        await rules_store.add(
            conn, TENANT, Rule.model_validate({"issue_when": "bill_paid"}), by="test"
        )
        await tenants_store.activate(conn, TENANT)
        await conn.execute("UPDATE tenants SET active_from = now() - interval '60 days'")


Provide = Callable[[Pool, Account, Company], Awaitable[None]]


@asynccontextmanager
async def a_desk(
    pool: Pool, sandbox: Sandbox, provide: Provide = provide, *, budget: Budget | None = None
) -> AsyncIterator[Desk]:
    account = sandbox.vindi.create_account()
    key = sandbox.enotas.create_key()
    company = sandbox.enotas.create_company(key=key.key)
    product = operations.create_product(account, code=PRODUCT_CODE)
    await provide(pool, account, company)
    async with open_session() as session:
        yield Desk(
            pool=pool,
            sandbox=sandbox,
            account=account,
            company=company,
            tools=an_emitter(pool, sandbox, session, budget=budget),
            product_id=product.id,
        )


def an_emitter(
    pool: Pool,
    sandbox: Sandbox,
    session: ClientSession,
    *,
    parallel: int = 8,
    per_second: int = 10_000,
    budget: Budget | None = None,
) -> Tools:
    """What one process works with: its own leases, and its own limits of the issuer."""
    issuer = IssuerSettings(
        enotas_url=sandbox.enotas_url,
        parallel=parallel,
        requests_per_second=per_second,
        timeout=PATIENCE,
        lookup_waits=tuple(timedelta(seconds=s) for s in (10, 30, 120)),
    )
    vindi = VindiSettings(
        url_production=sandbox.vindi_url,
        url_sandbox=sandbox.vindi_url,
        requests_per_minute=100_000,
        timeout=PATIENCE,
    )
    clients = Clients(
        session,
        budget=budget or Budget(None, per_window=100_000),
        limits=Limits(None, parallel=parallel, per_second=per_second),
        vindi=vindi,
        issuer=issuer,
    )
    clients.second_look.after = SECOND_LOOK
    leases = Leases()
    return Tools(
        pool=pool,
        clients=clients,
        sealer=SEALER,
        leases=leases,
        commits=GroupCommit(pool, leases),
        rooms=KeyRooms(parallel=parallel, per_second=per_second),
    )


@pytest_asyncio.fixture
async def desk(pool: Pool) -> AsyncIterator[Desk]:
    async with running_sandbox() as sandbox, a_desk(pool, sandbox) as opened:
        opened.account.rate.limit = None
        yield opened
