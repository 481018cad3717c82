"""A browser without a window: it keeps cookies, fills forms in and sends them."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import aiohttp
from yarl import URL

from services.sandbox.run import Sandbox
from shared.commands.people import invite
from shared.crypto.seal import Sealer
from shared.crypto.tokens import new_tenant_id
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import LIVE, Mark
from shared.db.sales import sales_store
from shared.db.sales.sales_store import SaleRow
from shared.db.tenants import tenants_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.db.tenants.tenants_store import Subscription
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.people import STAFF, Rank
from shared.domain.sale import SaleStatus

PASSWORD = "três pratos de trigo"
MOMENT = datetime(2026, 11, 10, 15, tzinfo=UTC)


class _Forms(HTMLParser):
    """The forms of a page: where each is sent, and what stands in it."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), []))
        if not self.forms or ("name" not in given and tag != "option"):
            return
        fields = self.forms[-1][1]
        if tag == "select":
            self._select = given["name"]
        elif tag == "option" and self._select and "selected" in given:
            fields.append((self._select, given.get("value", "")))
        elif tag == "textarea":
            fields.append((given["name"], ""))
        elif tag == "input" and not (
            given.get("type") in ("checkbox", "radio") and "checked" not in given
        ):
            fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A page as a person gets it."""

    status: int
    url: str
    headers: Mapping[str, str]
    html: str
    raw: bytes
    cookies: Sequence[str] = ()  # each as it was set

    @property
    def text(self) -> str:
        """What is read, without marks."""
        bare = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", self.html, flags=re.DOTALL)
        bare = re.sub(r"<[^>]+>", " ", bare)
        for mark, letter in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")):
            bare = bare.replace(mark, letter)
        return " ".join(bare.replace("&amp;", "&").replace("\xa0", " ").split())

    @property
    def forms(self) -> list[tuple[str, list[tuple[str, str]]]]:
        found = _Forms()
        found.feed(self.html)
        return found.forms

    def form(self, action: str) -> list[tuple[str, str]]:
        """The fields of the form that is sent to an address; of several the one that is posted."""
        there = [fields for to, fields in self.forms if to == action]
        return next((fields for fields in there if "csrf" in dict(fields)), there[0])


@dataclass(slots=True, kw_only=True)
class Browser:
    """One person's browser."""

    base: str
    http: aiohttp.ClientSession
    seen: list[str] = field(default_factory=list)  # every address it went to

    async def get(self, path: str, *, follow: bool = True) -> Seen:
        return await self._ask("GET", path, None, follow=follow)

    async def post(
        self,
        path: str,
        fields: Sequence[tuple[str, str]] = (),
        *,
        follow: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Seen:
        return await self._ask("POST", path, fields, follow=follow, headers=headers)

    async def send(self, page: Seen, action: str, **typed: str) -> Seen:
        """Fill the form of a page in and send it."""
        kept = [(name, value) for name, value in page.form(action) if name not in typed]
        return await self.post(action, [*kept, *typed.items()])

    async def _ask(
        self,
        method: str,
        path: str,
        fields: Sequence[tuple[str, str]] | None,
        *,
        follow: bool,
        headers: Mapping[str, str] | None = None,
    ) -> Seen:
        data = aiohttp.FormData(list(fields)) if fields is not None else None
        if fields is not None and not fields:
            data = aiohttp.FormData([("nothing", "")])
        async with self.http.request(
            method, self.base + path, data=data, allow_redirects=follow, headers=headers
        ) as answer:
            raw = await answer.read()
            self.seen += [str(one.url.relative()) for one in (*answer.history, answer)]
            return Seen(
                status=answer.status,
                url=str(answer.url.relative()),
                headers=dict(answer.headers),
                html=raw.decode("utf-8", "replace"),
                raw=raw,
                cookies=answer.headers.getall("Set-Cookie", []),
            )

    def cookie(self, name: str) -> str:
        found = self.http.cookie_jar.filter_cookies(URL(self.base)).get(name)
        return found.value if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The panel, and what tests put behind it."""

    base: str
    pool: Pool
    sandbox: Sandbox
    sealer: Sealer

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield Browser(base=self.base, http=http)

    async def tenant(self, name: str = "Escola Aurora", plan: Subscription = "pro") -> TenantId:
        async with self.pool.acquire() as conn:
            made = await tenants_store.add(
                conn, new_tenant_id(), name=name, plan=plan, timezone="America/Sao_Paulo"
            )
        return made.id

    async def invitation(self, tenant: TenantId, role: Rank, email: str | None = None) -> str:
        return await invite_to(self.pool, self.sealer, tenant, role, email)

    @asynccontextmanager
    async def person(
        self, tenant: TenantId, role: Rank = "owner", name: str = "Ana Souza"
    ) -> AsyncIterator[Browser]:
        """Somebody signed in, with a role."""
        async with self.browser() as browser:
            place = NO_TENANT if role in STAFF else tenant
            page = await browser.get(await self.invitation(place, role))
            email = f"{new_tenant_id()}@exemplo.com"
            page = await browser.send(page, "/convite", nome=name, email=email, senha_nova=PASSWORD)
            assert page.status == 200, page.text
            yield browser

    async def sale(
        self, tenant: TenantId, bill: int, status: SaleStatus, code: str | None = None, **more: Any
    ) -> None:
        """Store a sale as decided, with nothing to do for it."""
        row = SaleRow(
            bill_id=BillId(bill),
            status=status,
            code=code,
            amount=Cents(17_990),
            origin="webhook",
            **{"moment_at": MOMENT, "customer_name": "Padaria Fictícia Ltda", **more},
        )
        async with self.pool.acquire() as conn, conn.transaction():
            await sales_store.store(conn, tenant, [row])
            mark = Mark(tenant_id=tenant, bill_id=BillId(bill), lane=LIVE, origin="webhook")
            await outbox_store.mark_due(conn, [mark])
            await conn.execute(
                "UPDATE outbox SET state = 'settled' WHERE tenant_id = $1 AND bill_id = $2",
                tenant,
                bill,
            )


async def invite_to(
    pool: Pool, sealer: Sealer, tenant: TenantId, role: Rank, email: str | None = None
) -> str:
    """Where somebody who is invited begins."""
    token = await invite(pool, sealer, tenant, role, email=email, by="tests")
    return f"/convite/{token}"
