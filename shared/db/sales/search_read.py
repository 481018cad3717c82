"""Sales and notas of any tenant, for support's one box."""

from typing import Final

import asyncpg
from msgspec import Struct

from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.sales.sales_read import document_words
from shared.domain.ids import BillId, TenantId
from shared.domain.party import normalise_document
from shared.domain.sale import SaleStatus

OF_A_TENANT: Final = 5  # a number of a nota, and a document, may stand at many


class FoundSale(Struct, frozen=True, kw_only=True):
    """A sale, at whom it is, and the nota that was looked for, if one was."""

    tenant_id: TenantId
    tenant_name: str
    bill_id: BillId
    status: SaleStatus
    customer_name: str
    number: str | None
    external_id: str | None


BY_BILL: Final = """
    -- search_read.by_bill_any_tenant
    SELECT t.tenant_id, t.name AS tenant_name, s.bill_id, s.status, s.customer_name,
           NULL::text AS number, NULL::text AS external_id
      FROM tenants t JOIN sales s ON s.tenant_id = t.tenant_id AND s.bill_id = ANY($1::bigint[])
     ORDER BY t.name, t.tenant_id LIMIT $2
"""


async def by_bill_any_tenant(conn: Connection, bill: BillId, *, limit: int) -> list[FoundSale]:
    """The sales of this number: each tenant may have one."""
    return [_found(row) for row in await conn.fetch(BY_BILL, [bill], limit)]


# A probe of an index for each tenant.
BY_NOTA: Final = """
    -- search_read.by_nota_any_tenant
    SELECT t.tenant_id, t.name AS tenant_name, n.bill_id, s.status, s.customer_name, n.number,
           n.external_id
      FROM tenants t
      CROSS JOIN LATERAL (
           SELECT bill_id, number, external_id FROM notas
            WHERE tenant_id = t.tenant_id AND number = $1
            ORDER BY bill_id DESC LIMIT $3) n
      JOIN sales s ON s.tenant_id = t.tenant_id AND s.bill_id = n.bill_id
     ORDER BY t.name, t.tenant_id, n.bill_id DESC LIMIT $2
"""


async def by_nota_any_tenant(conn: Connection, number: str, *, limit: int) -> list[FoundSale]:
    """The sales with a nota of this number; every city begins with 1."""
    return [_found(row) for row in await conn.fetch(BY_NOTA, number, limit, OF_A_TENANT)]


TENANTS: Final = """
    -- search_read.tenants_any_tenant
    SELECT tenant_id FROM tenants
"""
# A document is found by a word that is another at each tenant, and under each key. A probe of an
# index for each; the newest are counted off within their tenant, since nodes refuse a LIMIT for
# each row of what is brought along.
BY_DOCUMENT: Final = """
    -- search_read.by_document_any_tenant
    SELECT t.tenant_id, t.name AS tenant_name, s.bill_id, s.status, s.customer_name,
           NULL::text AS number, NULL::text AS external_id
      FROM unnest($1::text[], $2::bytea[]) AS w (tenant_id, word)
      JOIN tenants t ON t.tenant_id = w.tenant_id
      CROSS JOIN LATERAL (
           SELECT f.bill_id, f.status, f.customer_name,
                  row_number() OVER (PARTITION BY f.tenant_id ORDER BY f.bill_id DESC) AS place
             FROM sales f
            WHERE f.tenant_id = t.tenant_id AND f.document_word = w.word) s
     WHERE s.place <= $4
     ORDER BY t.name, t.tenant_id, s.bill_id DESC LIMIT $3
"""


async def by_document_any_tenant(
    conn: Connection, sealer: Sealer, document: str, *, limit: int
) -> list[FoundSale]:
    """The newest sales to whoever has this CPF or CNPJ."""
    bare = normalise_document(document)
    if bare is None:
        return []
    tenants: list[str] = [row["tenant_id"] for row in await conn.fetch(TENANTS)]
    words = [(one, word) for one in tenants for word in document_words(sealer, TenantId(one), bare)]
    named = [one for one, _ in words]
    rows = await conn.fetch(BY_DOCUMENT, named, [word for _, word in words], limit, OF_A_TENANT)
    return [_found(row) for row in rows]


def _found(row: asyncpg.Record) -> FoundSale:
    return FoundSale(**{**dict(row), "status": SaleStatus(row["status"])})
