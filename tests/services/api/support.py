"""What tests of the API say in one line each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from services.sandbox.run import Sandbox
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import LIVE, Mark
from shared.db.sales import sales_store
from shared.db.sales.sales_store import SaleRow
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import IssuerEnvironment
from shared.domain.sale import SaleStatus

TOKEN = "a-token-of-the-tests"
MOMENT = datetime(2026, 11, 10, 15, tzinfo=UTC)
RULE: dict[str, Any] = {"issue_when": "bill_paid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    base: str
    http: aiohttp.ClientSession

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        url = f"{self.base}/internal/v1{path}"
        async with self.http.request(method, url, json=json, data=data, headers=headers) as answer:
            raw = await answer.read()
            is_json = "json" in answer.content_type
            body = await answer.json(content_type=None) if is_json else raw
            return Reply(status=answer.status, headers=dict(answer.headers), body=body)

    async def get(self, path: str) -> Reply:
        return await self.call("GET", path)

    async def post(self, path: str, json: Any = None, **more: Any) -> Reply:
        return await self.call("POST", path, json, **more)

    async def put(self, path: str, json: Any) -> Reply:
        return await self.call("PUT", path, json)

    async def tenant(self, name: str = "Escola Aurora") -> TenantId:
        reply = await self.post("/tenants", {"name": name, "plan": "pro"})
        assert reply.status == 201, reply.body
        return TenantId(reply.body["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    api: Api
    pool: Pool
    sandbox: Sandbox
    sealer: Sealer

    async def connect_vindi(self, tenant: TenantId) -> Reply:
        account = self.sandbox.vindi.create_account()
        body = {"api_key": account.keys[0].key, "environment": "production"}
        return await self.api.put(f"/tenants/{tenant}/vindi", body)

    async def connect_issuer(self, tenant: TenantId) -> Reply:
        key = self.sandbox.enotas.create_key()
        company = self.sandbox.enotas.create_company(key=key.key)
        return await self.api.put(f"/tenants/{tenant}/issuer", issuer_body(key.key, company.id))

    async def active_tenant(self, name: str = "Escola Aurora") -> TenantId:
        tenant = await self.api.tenant(name)
        for reply in (
            await self.connect_vindi(tenant),
            await self.connect_issuer(tenant),
            await self.api.put(f"/tenants/{tenant}/rule", RULE),
            await self.api.post(f"/tenants/{tenant}/activate"),
        ):
            assert reply.status == 200, reply.body
        return tenant

    async def sale(
        self,
        tenant: TenantId,
        bill: int,
        status: SaleStatus,
        *,
        code: str | None = None,
        nota: str | None = None,
        denial: str | None = None,
        environment: IssuerEnvironment = "Producao",
        **more: Any,
    ) -> None:
        """Store a sale as decided, with nothing to do for it, and its nota where it has one."""
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
            if nota is not None:
                letter = "p" if environment == "Producao" else "h"
                key = f"{letter}-{tenant}-{bill}-1"
                await conn.execute(ADD_NOTA, tenant, bill, key, nota, denial, environment)

    async def column(self, sql: str, *values: Any) -> list[Any]:
        async with self.pool.acquire() as conn:
            return [row[0] for row in await conn.fetch(sql, *values)]

    async def due(self, tenant: TenantId) -> list[int]:
        sql = "SELECT bill_id FROM outbox WHERE tenant_id = $1 AND state = 'due' ORDER BY 1"
        return await self.column(sql, tenant)

    async def settle_all(self, tenant: TenantId) -> None:
        async with self.pool.acquire() as conn:
            await conn.execute("UPDATE outbox SET state = 'settled' WHERE tenant_id = $1", tenant)


ADD_NOTA = """
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, denial, environment,
                       amount, competencia, request)
    VALUES ($1, $2, 1, $3, $4, $5, $6, 17990, '2026-11-10', '')
"""


def issuer_body(key: str, company: str) -> dict[str, str]:
    return {
        "kind": "enotas",
        "api_key": key,
        "company_id": company,
        "environment": "Producao",
    }
