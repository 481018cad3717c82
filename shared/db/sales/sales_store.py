"""Our side: what was decided about each sale."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, Literal

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.domain.amounts import AmountChoice
from shared.domain.attention import ABOUT_BILL, REFUNDED_ABOVE
from shared.domain.ids import BillId, CustomerId, TenantId
from shared.domain.money import Cents
from shared.domain.sale import Origin, SaleStatus, Wish
from shared.domain.statement import STATED_BY_PERSON


class KnownSale(Struct, frozen=True, kw_only=True):
    """A sale as it was last decided."""

    bill_id: BillId
    status: SaleStatus
    code: str | None
    detail: str
    attention: str | None
    amount: Cents
    moment_at: datetime | None
    issue_at: datetime | None
    competencia: date | None
    rule_version: int | None
    origin: Origin
    wish: Wish | None
    wish_at: datetime | None
    backfill: Literal["original", "today"] | None
    customer_id: CustomerId | None
    amount_choice: AmountChoice | None = None
    day_choice: Literal["today"] | None = None  # a person's, with the wish to issue
    without_document: bool = False  # a person's, of this sale alone
    customer_read: bool = False  # its customer was read some time


class SaleRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sale as it is now decided; None keeps the stored value where the text says so.

    With another customer than before nothing of theirs is kept, whatever the text says.
    """

    bill_id: BillId
    status: SaleStatus
    code: str | None = None
    detail: str = ""
    attention: str | None = None
    amount: Cents
    moment_at: datetime | None
    issue_at: datetime | None = None
    competencia: date | None = None  # None keeps what was fixed
    rule_version: int | None = None  # None keeps it
    rule_exception: int | None = None
    origin: Origin  # kept as it was first written
    customer_id: int | None = None  # None keeps it
    customer_name: str = ""  # "" keeps it
    products: str = ""  # "" keeps it; these three as in `domain.sold`
    plan: str = ""  # "" keeps it
    method: str = ""  # "" keeps it
    document_word: bytes | None = None  # None keeps it
    customer: bytes | None = None  # sealed; None keeps it
    unread: bytes | None = None  # sealed answer that could not be read; None forgets it
    # A person's wish that was carried out, by the time it was made; a later wish stands.
    wish_done: datetime | None = None


LOAD: Final = """
    -- sales_store.load
    SELECT bill_id, status, code, detail, attention, amount, moment_at, issue_at, competencia,
           rule_version, origin, wish, wish_at, backfill, customer_id, amount_choice, amount_about,
           day_choice, without_document, customer IS NOT NULL AS customer_read
      FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""


async def load(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, KnownSale]:
    """Read the sales of these bills; unknown ones are absent."""
    rows = await conn.fetch(LOAD, tenant, bills)
    return {row["bill_id"]: _known(row) for row in rows}


def _known(row: asyncpg.Record) -> KnownSale:
    values = dict(row)
    choice, about = values.pop("amount_choice"), values.pop("amount_about")
    chosen = None if choice is None else AmountChoice(choice=choice, about=about)
    return KnownSale(**{**values, "status": SaleStatus(row["status"]), "amount_choice": chosen})


# A sale that passed to another customer keeps nothing of the one before: what is not known of the
# new one is not known.
STORE: Final = """
    -- sales_store.store
    INSERT INTO sales AS s (
        tenant_id, bill_id, status, code, detail, attention, amount, moment_at, issue_at,
        competencia, rule_version, rule_exception, origin, customer_id, customer_name,
        document_word, products, plan, method, customer, unread, updated_at)
    SELECT $1, bill_id, status, code, coalesce(detail, ''), attention, amount, moment_at, issue_at,
           competencia, rule_version, rule_exception, origin, customer_id,
           coalesce(customer_name, ''), decode(document_word, 'base64'), products, plan, method,
           customer, unread, now()
      FROM ROWS FROM (
               json_to_recordset($2::text::json)
                   AS (bill_id bigint, status text, code text, detail text, attention text,
                       amount bigint, moment_at timestamptz, issue_at timestamptz,
                       competencia date, rule_version int, rule_exception int, origin text,
                       customer_id bigint, customer_name text, document_word text, products text,
                       plan text, method text),
               unnest($3::bytea[]), unnest($4::bytea[]))
           AS r (bill_id, status, code, detail, attention, amount, moment_at, issue_at,
                 competencia, rule_version, rule_exception, origin, customer_id, customer_name,
                 document_word, products, plan, method, customer, unread)
        ON CONFLICT (tenant_id, bill_id) DO UPDATE
       SET status = excluded.status, code = excluded.code, detail = excluded.detail,
           attention = excluded.attention, amount = excluded.amount,
           moment_at = coalesce(excluded.moment_at, s.moment_at),
           issue_at = coalesce(excluded.issue_at, s.issue_at),
           competencia = coalesce(excluded.competencia, s.competencia),
           rule_version = coalesce(excluded.rule_version, s.rule_version),
           rule_exception = excluded.rule_exception,
           customer_id = coalesce(excluded.customer_id, s.customer_id),
           customer_name = CASE WHEN excluded.customer_name <> ''
                                  OR excluded.customer_id <> s.customer_id
                                THEN excluded.customer_name ELSE s.customer_name END,
           document_word = CASE WHEN excluded.customer_id <> s.customer_id
                                THEN excluded.document_word
                                ELSE coalesce(excluded.document_word, s.document_word) END,
           products = coalesce(excluded.products, s.products),
           plan = coalesce(excluded.plan, s.plan), method = coalesce(excluded.method, s.method),
           customer = CASE WHEN excluded.customer_id <> s.customer_id THEN excluded.customer
                           ELSE coalesce(excluded.customer, s.customer) END,
           unread = excluded.unread,
           updated_at = excluded.updated_at
"""


async def store(conn: Connection, tenant: TenantId, rows: Sequence[SaleRow]) -> None:
    """Write what was decided. Wishes are a person's and are left alone; see `finish_wishes`."""
    if not rows:
        return
    customers, unread = [row.customer for row in rows], [row.unread for row in rows]
    bare = [replace(row, customer=None, unread=None) for row in rows]
    await conn.execute(STORE, tenant, rows_json(bare), customers, unread)
    done = [row for row in rows if row.wish_done is not None]
    if done:
        await conn.execute(
            FINISH_WISHES, tenant, [r.bill_id for r in done], [r.wish_done for r in done]
        )


FINISH_WISHES: Final = """
    -- sales_store.finish_wishes
    UPDATE sales s SET wish = NULL, wish_at = NULL, day_choice = NULL
      FROM unnest($2::bigint[], $3::timestamptz[]) AS d (bill_id, wish_at)
     WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[]) AND s.bill_id = d.bill_id
       AND s.wish_at = d.wish_at
"""


_NEXT_ATTENTION: Final = """
    coalesce(p.attention, CASE
        WHEN (p.status IN ('issuing', 'uncertain', 'issued') AND s.attention = ANY($4::text[]))
             OR (p.status IN ('cancelling', 'cancelled') AND s.attention = $5)
        THEN s.attention END)
"""
# A sale that says all this already is not written again: most are still `issuing` once the issuer
# has them, and a row with its customer and its indexes is dear.
PROGRESS: Final = f"""
    -- sales_store.progress
    UPDATE sales s SET status = p.status, detail = coalesce(p.detail, ''),
           code = p.code, attention = {_NEXT_ATTENTION}, updated_at = now(),
           wish = CASE WHEN p.nota_made AND s.wish = 'issue' THEN NULL ELSE s.wish END,
           day_choice = CASE WHEN NOT coalesce(p.nota_made, false) THEN s.day_choice END
      FROM json_to_recordset($3::text::json)
           AS p (bill_id bigint, status text, code text, detail text, attention text,
                 nota_made boolean)
     WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[]) AND s.bill_id = p.bill_id
       AND (s.status <> p.status OR s.detail <> coalesce(p.detail, '')
            OR p.nota_made AND s.wish = 'issue' OR s.code IS DISTINCT FROM p.code
            OR s.attention IS DISTINCT FROM {_NEXT_ATTENTION})
 RETURNING s.bill_id, greatest(s.moment_at, s.issue_at) AS moment
"""  # noqa: S608 - only our own constants are put in


# What is said of a sale and not of the steps of its nota at the issuer.
OUTLIVES: Final = (*ABOUT_BILL, STATED_BY_PERSON)


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a sale's notas now are; nothing else of the sale changes.

    Without an attention, one that is about its bill stays, and that a person stated a nota of it.
    """

    bill_id: BillId
    status: SaleStatus
    code: str | None = None
    detail: str = ""
    attention: str | None = None
    nota_made: bool = False  # the issuer has it, so a person's wish for it is fulfilled


async def progress(
    conn: Connection, tenant: TenantId, rows: Sequence[Progress]
) -> dict[BillId, datetime]:
    """Move sales on with their notas; returns the moments of those that changed and have one.

    A sale's moment is when its nota became owed: its payment, creation, or the guarantee's end.
    """
    if not rows:
        return {}
    changed = await conn.fetch(
        PROGRESS,
        tenant,
        [r.bill_id for r in rows],
        rows_json(rows),
        OUTLIVES,
        REFUNDED_ABOVE,
    )
    return {row["bill_id"]: row["moment"] for row in changed if row["moment"] is not None}


SPOKEN_OF: Final = """
    -- sales_store.spoken_of
    SELECT bill_id FROM sales
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND attention = ANY($3::text[])
"""


async def spoken_of(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> set[BillId]:
    """Those of these sales of whose bill something is said (`ABOUT_BILL`)."""
    if not bills:
        return set()
    rows = await conn.fetch(SPOKEN_OF, tenant, bills, ABOUT_BILL)
    return {BillId(row["bill_id"]) for row in rows}


ATTEND: Final = """
    -- sales_store.attend
    UPDATE sales SET attention = $3
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND attention IS DISTINCT FROM $3
"""


async def attend(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], attention: str
) -> None:
    """Have a person look at sales, whatever was said of them before."""
    if bills:
        await conn.execute(ATTEND, tenant, bills, attention)
