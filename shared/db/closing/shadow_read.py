"""What we would have issued beside what was issued, day by day, of a tenant in shadow."""

from datetime import date
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents


class ShadowDay(Struct, frozen=True, kw_only=True):
    """Notas of one day of competência: ours that would be, theirs that are.

    `alike` are those of ours of which the issuer lists one of the same buyer, amount and month.
    """

    day: date
    ours: int
    ours_amount: Cents
    alike: int
    held: int
    theirs: int
    theirs_amount: Cents


# A nota of somebody else counts as the same as FIND_ALIKE says before a real one is sent.
_ALIKE: Final = """
      LEFT JOIN LATERAL (
           SELECT f.number, true AS found FROM foreign_notas f
            WHERE f.tenant_id = $1 AND f.valid AND f.environment = 'Producao'
              AND f.document_word = s.document_word AND f.amount = s.amount
              AND date_trunc('month', f.competencia::timestamp)
                  = date_trunc('month', s.competencia::timestamp)
            ORDER BY abs(f.competencia - s.competencia), f.issuer_id LIMIT 1) alike ON true
"""
OURS: Final = rf"""
    -- shadow_read.ours
    SELECT s.competencia AS day,
           count(*) FILTER (WHERE s.code = 'shadow_issue')::int AS ours,
           coalesce(sum(s.amount) FILTER (WHERE s.code = 'shadow_issue'), 0)::bigint
               AS ours_amount,
           count(*) FILTER (WHERE s.code = 'shadow_issue' AND alike.found)::int AS alike,
           count(*) FILTER (WHERE s.code = 'shadow_hold')::int AS held
      FROM sales s
      {_ALIKE}
     WHERE s.tenant_id = $1 AND s.status = 'skipped' AND s.code LIKE 'shadow\_%'
       AND s.competencia BETWEEN $2 AND $3
     GROUP BY s.competencia
"""  # noqa: S608 - only our own constant is put in
THEIRS: Final = """
    -- shadow_read.theirs
    SELECT competencia AS day, count(*)::int AS theirs, sum(amount)::bigint AS theirs_amount
      FROM foreign_notas
     WHERE tenant_id = $1 AND valid AND environment = 'Producao'
       AND competencia BETWEEN $2 AND $3
     GROUP BY competencia
"""


async def days(conn: Connection, tenant: TenantId, since: date, until: date) -> list[ShadowDay]:
    """Every day on which there is anything, the newest first; both ends included."""
    ours = {row["day"]: row for row in await conn.fetch(OURS, tenant, since, until)}
    theirs = {row["day"]: row for row in await conn.fetch(THEIRS, tenant, since, until)}
    found = []
    for day in sorted({*ours, *theirs}, reverse=True):
        mine, other = ours.get(day), theirs.get(day)
        found.append(
            ShadowDay(
                day=day,
                ours=mine["ours"] if mine else 0,
                ours_amount=Cents(mine["ours_amount"] if mine else 0),
                alike=mine["alike"] if mine else 0,
                held=mine["held"] if mine else 0,
                theirs=other["theirs"] if other else 0,
                theirs_amount=Cents(other["theirs_amount"] if other else 0),
            )
        )
    return found


class ShadowSale(Struct, frozen=True, kw_only=True):
    """A sale in shadow: what it would be, and the nota of somebody else that looks the same."""

    bill_id: BillId
    customer_name: str
    amount: Cents
    code: str
    detail: str  # of one that would be held, its cause
    alike: bool
    number: str | None  # of the other nota


SALES: Final = rf"""
    -- shadow_read.sales_of
    SELECT s.bill_id, s.customer_name, s.amount, s.code, s.detail,
           coalesce(alike.found, false) AS alike, alike.number
      FROM sales s
      {_ALIKE}
     WHERE s.tenant_id = $1 AND s.status = 'skipped' AND s.code LIKE 'shadow\_%'
       AND s.competencia = $2
     ORDER BY coalesce(alike.found, false), s.bill_id DESC LIMIT $3
"""  # noqa: S608 - only our own constant is put in


async def sales_of(
    conn: Connection, tenant: TenantId, day: date, *, limit: int
) -> list[ShadowSale]:
    """The sales of one day, first those without a nota of somebody else."""
    return [ShadowSale(**dict(row)) for row in await conn.fetch(SALES, tenant, day, limit)]


class OtherNota(Struct, frozen=True, kw_only=True):
    """A nota that somebody else issued, and of which no sale in shadow is the same."""

    number: str | None
    amount: Cents
    competencia: date


ONLY_THEIRS: Final = r"""
    -- shadow_read.only_theirs
    SELECT f.number, f.amount, f.competencia FROM foreign_notas f
     WHERE f.tenant_id = $1 AND f.valid AND f.environment = 'Producao' AND f.competencia = $2
       AND NOT EXISTS (
           SELECT FROM sales s
            WHERE s.tenant_id = $1 AND s.document_word = f.document_word AND s.amount = f.amount
              AND s.status = 'skipped' AND s.code LIKE 'shadow\_%'
              AND date_trunc('month', s.competencia::timestamp)
                  = date_trunc('month', f.competencia::timestamp))
     ORDER BY f.number NULLS LAST, f.issuer_id LIMIT $3
"""


async def only_theirs(
    conn: Connection, tenant: TenantId, day: date, *, limit: int
) -> list[OtherNota]:
    """Notas of one day that we would not have issued."""
    return [OtherNota(**dict(row)) for row in await conn.fetch(ONLY_THEIRS, tenant, day, limit)]


class DayOfOthers(Struct, frozen=True, kw_only=True):
    """What the issuer lists of others by a day of competência."""

    day: date
    notas: int
    amount: Cents


async def days_of_others(
    conn: Connection, tenant: TenantId, since: date, until: date
) -> list[DayOfOthers]:
    """Every day on which the issuer lists notas of others, both ends included, oldest first."""
    rows = await conn.fetch(THEIRS, tenant, since, until)
    found = [
        DayOfOthers(day=row["day"], notas=row["theirs"], amount=Cents(row["theirs_amount"]))
        for row in rows
    ]
    return sorted(found, key=lambda one: one.day)


LISTED: Final = """
    -- shadow_read.listed
    SELECT listed_from, listed_to FROM foreign_nota_marks WHERE tenant_id = $1
"""


class Listed(Struct, frozen=True, kw_only=True):
    """The UTC days whose notas of others are known; None where nobody knows, or none is."""

    since: date | None = None
    until: date | None = None  # read once that day, and again as it goes on


async def listed(conn: Connection, tenant: TenantId) -> Listed:
    """How much of the issuer's list is known."""
    row = await conn.fetchrow(LISTED, tenant)
    return Listed() if row is None else Listed(since=row["listed_from"], until=row["listed_to"])
