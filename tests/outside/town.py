"""A whole world for one test: both stand-ins, the product, tenants with their webhooks."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tests.outside.enotas.records import Company
from tests.outside.enotas.server import Enotas, Hooks, running_enotas
from tests.outside.oracle import Judge
from tests.outside.product import Product, Tenant, running_product, set_up
from tests.outside.vindi import moves
from tests.outside.vindi.hookshot import Hookshot
from tests.outside.vindi.records import BRASILIA, Account, Record
from tests.outside.vindi.server import Vindi, running_vindi


@dataclass(slots=True, kw_only=True)
class Shop:
    """One tenant with its Vindi account, its company and what is sold there."""

    tenant: Tenant
    account: Account
    company: Company
    issuer_key: str
    hookshot: Hookshot
    judge: Judge
    product: Record
    customer: Record
    course: Record
    testing: bool = False  # in Homologacao for now

    def sell(self, reais: str = "100.00", **changes: Any) -> Record:
        """An open bill of one line; `customer` for another than the usual one."""
        customer = changes.pop("customer", self.customer)
        return moves.sell(self.account, customer, [(self.product, reais)], **changes)

    def sold(self, reais: str = "100.00", **changes: Any) -> Record:
        """One that is paid already."""
        bill = self.sell(reais, **changes)
        moves.pay(self.account, bill)
        return bill

    async def tell(self) -> None:
        await self.hookshot.tell()

    async def settled(self, *, within: float = 60.0) -> None:
        """Wait until every sale is as the papers demand; what is wrong when patience ends."""
        wrong: list[str] = ["nothing was looked at"]
        month, looks = this_month(), 0
        try:
            async with asyncio.timeout(within):
                while wrong:
                    wrong = self.judge.judge(await self.tenant.sales())
                    looks += 1
                    if looks % 30 == 0:  # whoever closes a month has the issuer's list read
                        await self.tenant.closing(month)
                    if wrong:
                        await asyncio.sleep(0.3)
        except TimeoutError:
            raise AssertionError("\n".join(wrong)) from None

    async def stories(self, wrong: str) -> list[str]:
        """The timelines of the first sales that are named there, and what the issuer has."""
        numbers = [int(each) for each in re.findall(r"bill (\d+)", wrong)]
        mine = dict.fromkeys(each for each in numbers if each in self.account.bills)
        told = []
        for number in list(mine)[:3]:
            sale = await self.tenant.sale(number) or {"timeline": []}
            told += [f"{each['at']} {each['text']}" for each in sale["timeline"]]
            told += [
                f"{nota.external_id} {nota.posts} {nota.created_at} {nota.history}"
                for company in (self.company, *self.judge.companies)
                for nota in company.notas
                if f"-{number}" in nota.external_id
            ]
        return told

    async def shown(self) -> None:
        """Each sale that was told of is shown, by itself as in the list."""
        told, sales = self.hookshot.told, await self.tenant.sales()
        for number in told & self.account.bills.keys():
            sale = await self.tenant.sale(number)
            assert sale is not None, f"{number} was told of, and is not known"
            assert sale["timeline"] or sale["status"] == "queued", sale
            listed = (sales.get(number) or {}).get("status")
            assert number not in sales or listed == sale["status"], (listed, sale)

    async def balanced(self, month: str | None = None, *, within: float = 90.0) -> dict[str, Any]:
        """The closing once its three sides agree."""
        month = month or this_month()
        closing: dict[str, Any] = {}
        try:
            async with asyncio.timeout(within):
                while not closing.get("balanced"):
                    closing = await self.tenant.closing(month)
                    await asyncio.sleep(0.0 if closing["balanced"] else 1.0)
        except TimeoutError:
            raise AssertionError(f"{month}: {closing}") from None
        return closing


@dataclass(slots=True, kw_only=True)
class Town:
    vindi: Vindi
    enotas: Enotas
    product: Product
    http: aiohttp.ClientSession
    shops: list[Shop] = field(default_factory=list)

    def has_to_balance(self, shop: Shop) -> bool:
        """Whether nothing but its own notas is in its companies' lists, each by its own id."""
        others = [each for each in self.shops if each is not shop]
        shared = any(each.issuer_key == shop.issuer_key for each in others)
        unread = shop.judge.past and not shop.judge.imported  # which Vindi counts, and we do not
        return not shared and not unread and shop.company.readings.ids == "told"

    async def open_shop(
        self,
        *,
        seed: int = 1,
        account: Account | None = None,
        company: Company | None = None,
        key: str = "",
        **settings: Any,
    ) -> Shop:
        """A tenant that is active from now on; `settings` as `set_up` takes them."""
        account = account or self.vindi.open_account(seed)
        key = key or f"Y2hhdmUtZW5vdGFzLWRlLWZvcmEt{seed:04d}"
        company = company or self.enotas.open_company(key, seed=seed)
        tenant = await set_up(
            self.product,
            vindi_key=account.key,
            issuer_key=key,
            company=company.id.lower(),
            name=f"De Fora {seed}",
            **settings,
        )
        self.enotas.hooks.setdefault(key, Hooks(url=tenant.issuer_webhook))
        shop = Shop(
            tenant=tenant,
            account=account,
            company=company,
            issuer_key=key,
            hookshot=Hookshot(account=account, url=tenant.vindi_webhook, http=self.http, seed=seed),
            judge=Judge(account=account, company=company),
            product=account.add_product(),
            customer=account.add_customer(),
            course=account.add_product("Curso Exemplo", "CURSO"),
        )
        self.shops.append(shop)
        for one in self.shops:
            one.judge.neighbours = [each.account for each in self.shops if each is not one]
        return shop


def this_month() -> str:
    """The month of today in Brasília, as a closing is asked for."""
    return f"{datetime.now(BRASILIA):%Y-%m}"


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


@asynccontextmanager
async def a_town(
    *, database: str, redis: str, folder: Path, emitters: int = 1, **settings: str
) -> AsyncIterator[Town]:
    """Everything started, no tenant yet."""
    async with (
        running_vindi(Vindi()) as vindi,
        running_enotas(Enotas()) as enotas,
        running_product(
            database=database,
            redis=redis,
            vindi_url=vindi.url,
            enotas_url=enotas.url,
            folder=folder,
            emitters=emitters,
            **settings,
        ) as product,
        aiohttp.ClientSession() as http,
    ):
        yield Town(vindi=vindi, enotas=enotas, product=product, http=http)
