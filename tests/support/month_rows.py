"""Synthetic rows of a whole month, written as sets: bills, sales, notas, and the issuer's list."""

from datetime import datetime
from typing import Final

from shared.db.connection import Connection

TENANT: Final = "tbenchbench"
COMPANY: Final = "a-company"

THE_TENANT: Final = """
    INSERT INTO tenants (tenant_id, name, plan, timezone)
    VALUES ($1, 'Empresa Exemplo', 'pro', 'America/Sao_Paulo')
"""
CONNECTION: Final = """
    INSERT INTO nota_connections (tenant_id, connection_id, kind, environment, api_key, key_hint,
                                  key_word, company_id, company_name)
    VALUES ($1, 1, 'enotas', 'Producao', '', '', '', $2, 'Empresa Exemplo')
"""
LISTED_DAYS: Final = """
    INSERT INTO issuer_days (tenant_id, company_id, day, read_at)
    SELECT $1, $2, day::date, now() + interval '1 hour'
      FROM generate_series('2026-07-01'::timestamp, '2026-12-31', '1 day') AS day
"""
BILLS: Final = """
    INSERT INTO bills (tenant_id, bill_id, status, amount, moment_amount, customer_id, created_at,
                       updated_at, created_moment, paid_moment, charges_paid_at, body, read_at)
    SELECT $1, n, 'paid', 17990, 17990, n, at, at, at, at, ARRAY[at], '', now()
      FROM (SELECT n, $4::timestamptz + n % 2592000 * interval '1 second' AS at
              FROM generate_series($2::bigint, $3::bigint) AS n) AS row
"""
# Some held, some skipped, some of which a person chose the amount.
SALES: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, moment_at, origin, amount_choice)
    SELECT $1, bill_id,
           CASE WHEN bill_id % 50 = 0 THEN 'held' WHEN bill_id % 97 = 0 THEN 'skipped'
                ELSE 'issued' END,
           CASE WHEN bill_id % 50 = 0 THEN 'customer_document_missing'
                WHEN bill_id % 97 = 0 THEN 'refunded' END,
           17990, paid_moment, 'webhook', CASE WHEN bill_id % 31 = 0 THEN 'bill' END
      FROM bills WHERE tenant_id = $1 AND bill_id BETWEEN $2 AND $3
"""
PARTS: Final = """
    INSERT INTO sale_parts (tenant_id, bill_id, part, amount, lines)
    SELECT $1, bill_id, part, 8995, ARRAY[part]::bigint[]
      FROM sales CROSS JOIN generate_series(1, 2) AS part
     WHERE tenant_id = $1 AND bill_id % 7 = 0 AND bill_id BETWEEN $2 AND $3
"""
# Of the real environment, in a dozen fiscal classes.
NOTAS: Final = """
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, environment, amount,
                       competencia, request, number, connection_id, issued_at, iss, fiscal_class)
    SELECT $1, bill_id, 1, 'p-' || $1 || '-' || bill_id || '-1', 'issued', 'Producao', 17990,
           $4::date + (bill_id % 28)::int, decode(repeat(md5(bill_id::text), 4), 'hex'),
           bill_id, 1, now(), 360,
           '{"iss_rate":"2.00","iss_withheld":' || (bill_id % 3 = 0)::text
           || ',"lc116":"1.0' || bill_id % 4 || '","municipal_code":"02800"}'
      FROM sales WHERE tenant_id = $1 AND status = 'issued' AND bill_id BETWEEN $2 AND $3
"""
# One in five the issuer has beside ours, and one in eleven otherwise than we.
ISSUERS: Final = """
    INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, bill_id, valid,
                              raw_status, amount, competencia, number, created_on, read_at, differs)
    SELECT $1, $4, 'i-' || bill_id, CASE WHEN bill_id % 5 > 0 THEN external_id END,
           CASE WHEN bill_id % 5 > 0 THEN bill_id END, true, 'Autorizada', amount, competencia,
           number, competencia, now() + interval '1 hour',
           CASE WHEN bill_id % 11 = 0 THEN 'amount' END
      FROM notas WHERE tenant_id = $1 AND bill_id BETWEEN $2 AND $3
"""
ACCEPTED: Final = """
    INSERT INTO accepted_notas (tenant_id, issuer_id, external_id, number, amount, competencia,
                                created_on, reason, accepted_by, accepted_at)
    SELECT $1, issuer_id, external_id, number, amount, competencia, created_on, 'outro sistema',
           'ana', now()
      FROM issuer_notas WHERE tenant_id = $1 AND bill_id IS NULL AND issuer_id ~ '[0-4]$'
"""


async def a_tenant(conn: Connection) -> None:
    """The tenant, where its notas are born, and days of the issuer's list that were read."""
    await conn.execute(THE_TENANT, TENANT)
    await conn.execute(CONNECTION, TENANT, COMPANY)
    await conn.execute(LISTED_DAYS, TENANT, COMPANY)


async def write_month(conn: Connection, low: int, high: int, first: datetime) -> None:
    """Sales of these bills within thirty days, with their notas and what the issuer lists."""
    bills = (TENANT, low, high)
    await conn.execute(BILLS, *bills, first)
    await conn.execute(SALES, *bills)
    await conn.execute(PARTS, *bills)
    await conn.execute(NOTAS, *bills, first.date())
    await conn.execute(ISSUERS, *bills, COMPANY)


async def accept_some(conn: Connection) -> None:
    """Half of what is at the issuer and not ours."""
    await conn.execute(ACCEPTED, TENANT)


# One sale in nine is denied, with its nota.
DENY_SALES: Final = """
    UPDATE sales SET status = 'denied', code = 'denied_document'
     WHERE tenant_id = $1 AND status = 'issued' AND bill_id % 9 = 0
"""
DENY_NOTAS: Final = """
    UPDATE notas SET status = 'denied', denial = 'denied_document'
     WHERE tenant_id = $1 AND status = 'issued' AND bill_id % 9 = 0
"""
# Two in three look the same as a nota of somebody else.
IN_SHADOW: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, moment_at, competencia, origin,
                       document_word)
    SELECT $1, n, 'skipped', CASE WHEN n % 10 = 0 THEN 'shadow_hold' ELSE 'shadow_issue' END, 17990,
           $4::timestamptz + n % 2592000 * interval '1 second', $4::date + (n % 28)::int, 'webhook',
           decode(md5(n::text), 'hex')
      FROM generate_series($2::bigint, $3::bigint) AS n
"""
OF_OTHERS: Final = """
    INSERT INTO foreign_notas (tenant_id, issuer_id, environment, document_word, amount,
                               competencia, number, valid)
    SELECT $1, 'f-' || n, 'Producao', decode(md5((n + n % 3)::text), 'hex'), 17990,
           $4::date + (n % 28)::int, n, true
      FROM generate_series($2::bigint, $3::bigint) AS n
"""


async def deny_some(conn: Connection) -> None:
    """Sales that were issued become denied ones."""
    await conn.execute(DENY_SALES, TENANT)
    await conn.execute(DENY_NOTAS, TENANT)


async def write_shadow(conn: Connection, low: int, high: int, first: datetime) -> None:
    """Sales of a tenant in shadow within thirty days, and what the issuer lists of others."""
    await conn.execute(IN_SHADOW, TENANT, low, high, first)
    await conn.execute(OF_OTHERS, TENANT, low, high, first)
