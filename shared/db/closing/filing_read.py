"""A month as it is filed: notas of the real environment by competência, summed by fiscal class.

What counts is in `shared/domain/filing.py`. A nota that was never valid anywhere (a test, one that
never arrived) is neither filed nor credited when it ends.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.closing.closing_read import make_room
from shared.db.closing.issuer_side_read import MonthScope
from shared.db.connection import Connection
from shared.domain.closing import Month
from shared.domain.filing import ClassTotal, CreditSum, Filing, FiscalSums, MonthSum, added
from shared.domain.fiscal import FiscalClass, read_class
from shared.domain.money import Cents

# What code that knows no fiscal facts sent again says nothing for sure any more.
COUNTED: Final = """
           CASE WHEN n.fiscal_sent_at IS NOT DISTINCT FROM n.sent_at THEN n.fiscal_class END
               AS fiscal_class
"""
SUMMED: Final = (
    "amount",
    "discount",
    "conditional_discount",
    "deductions",
    "iss",
    "pis_withheld",
    "cofins_withheld",
    "csll_withheld",
    "inss_withheld",
    "irrf_withheld",
)


def sums(of: str) -> str:
    """The sums of a class; the columns SUMMED are there with this before their names."""
    base = f"{of}amount + coalesce({of}conditional_discount, 0) - coalesce({of}deductions, 0)"
    return f"""
           count(*) AS notas, sum({of}amount)::bigint AS amount,
           sum({of}discount)::bigint AS discount,
           sum({of}conditional_discount)::bigint AS conditional_discount,
           sum({of}deductions)::bigint AS deductions, sum(greatest(0, {base}))::bigint AS base,
           sum({of}iss)::bigint AS iss, count(*) - count({of}iss) AS without_rate,
           sum({of}pis_withheld)::bigint AS pis, sum({of}cofins_withheld)::bigint AS cofins,
           sum({of}csll_withheld)::bigint AS csll, sum({of}inss_withheld)::bigint AS inss,
           sum({of}irrf_withheld)::bigint AS irrf
"""


_SUMS: Final = sums("n.")
# Of a cancelled nota: that it was valid until then.
WAS_VALID: Final = """
           n.status = 'cancelled' AND (n.issued_at IS NOT NULL OR n.number IS NOT NULL)
       AND coalesce(n.raw_status, '')
           NOT IN ('never_arrived', 'issued_as_test', 'replaced', 'divided_anew')
"""
# $2 and $3: the first and last day; $4: the instant at which the month ends.
FILED_IN: Final = f"""
           n.tenant_id = $1 AND n.competencia >= $2 AND n.competencia <= $3
       AND n.environment = 'Producao'
       AND n.status IN ('issued', 'cancelling', 'cancel_refused', 'cancelled')
       AND (n.status <> 'cancelled' OR n.cancelled_at >= $4 AND {WAS_VALID})
"""
CREDITED_IN: Final = f"""
           n.tenant_id = $1 AND n.environment = 'Producao' AND n.status = 'cancelled'
       AND n.cancelled_at >= $2 AND n.cancelled_at < $3 AND n.competencia < $4
       AND {WAS_VALID}
"""

# Of the sales of other months. Asked only where more notas are filed than the month's sales have
# there; which they are is told by the index, before any row is read.
_INDEXED: Final = """
           n.tenant_id = $1 AND n.competencia >= $2 AND n.competencia <= $3
       AND n.environment = 'Producao'
       AND n.status IN ('issued', 'cancelling', 'cancel_refused', 'cancelled')
"""
COUNTING: Final = f"""
    -- filing_read.counting
    SELECT count(*) FROM notas n WHERE {_INDEXED}
"""  # noqa: S608 - only our own constant is put in
OF_OTHER_MONTHS: Final = f"""
    -- filing_read.of_other_months
    WITH strange AS MATERIALIZED (
        SELECT n.bill_id FROM notas n
         WHERE {_INDEXED}
           AND n.bill_id NOT IN (SELECT s.bill_id FROM sales s
                                  WHERE s.tenant_id = $1 AND s.moment_at >= $6
                                    AND s.moment_at < $4 AND s.status <> 'waiting_payment')
    )
    SELECT {COUNTED}, n.status = 'cancelled' AS cancelled,
           date_trunc('month', CASE WHEN n.status = 'cancelled' THEN n.cancelled_at END
                               AT TIME ZONE $5)::date AS cancelled_in,
           date_trunc('month', (
               SELECT s.moment_at FROM sales s
                WHERE s.tenant_id = $1 AND s.bill_id = n.bill_id
                  AND s.status <> 'waiting_payment') AT TIME ZONE $5)::date AS moment_in, {_SUMS}
      FROM notas n
     WHERE {FILED_IN} AND n.bill_id = ANY(ARRAY(SELECT bill_id FROM strange))
     GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - only our own constants are put in

CREDITED: Final = f"""
    -- filing_read.credited
    SELECT {COUNTED}, date_trunc('month', n.competencia::timestamp)::date AS filed_in, {_SUMS}
      FROM notas n WHERE {CREDITED_IN} GROUP BY 1, 2
"""  # noqa: S608 - only our own constants are put in

FOREIGN: Final = """
    -- filing_read.foreign
    SELECT count(*) AS notas, coalesce(sum(amount), 0)::bigint AS amount
      FROM issuer_notas
     WHERE tenant_id = $1 AND company_id = $2 AND bill_id IS NULL AND valid
       AND competencia >= $3 AND competencia <= $4 AND created_on >= $5
"""


class FiledOfSales(Struct, frozen=True, kw_only=True):
    """What the month's sales have filed, read with the issuer's side (`issuer_sums_read`).

    `valid` are their valid notas wherever filed, `elsewhere` those of them that are filed in other
    months. `rows` are the sums of those filed in the month, `indexed` how many of theirs COUNTING
    counts.
    """

    valid: int
    elsewhere: tuple[MonthSum, ...]
    rows: Sequence[asyncpg.Record]
    indexed: int


async def filing(
    conn: Connection, scope: MonthScope, *, timezone: str, of_sales: FiledOfSales, amount: Cents
) -> Filing:
    """Add a month up; `amount` is that of the valid notas of its sales.

    To be called inside a transaction that sees one state of things (repeatable read), in which
    `of_sales` was read, too.
    """
    await make_room(conn)
    span, month = scope.span, scope.month
    days = (month.first_day, month.last_day)
    filed_in = (span.tenant, *days, span.end, timezone)
    others: list[asyncpg.Record] = []
    rows = list(of_sales.rows)
    if of_sales.indexed != await conn.fetchval(COUNTING, *filed_in[:3]):
        others = await conn.fetch(OF_OTHER_MONTHS, *filed_in, span.first)
        rows += others
    credited = await conn.fetch(CREDITED, span.tenant, span.first, span.end, month.first_day)
    foreign = await conn.fetchrow(FOREIGN, span.tenant, scope.company, *days, scope.since)
    if foreign is None:
        raise AssertionError("an aggregate gives its row")
    return Filing(
        month=month,
        classes=_classes(rows),
        of_sales=MonthSum(month=month, notas=of_sales.valid, amount=amount),
        competencia_elsewhere=of_sales.elsewhere,
        moment_elsewhere=_by_month([row for row in others if not row["cancelled"]], "moment_in"),
        cancelled_later=_by_month([row for row in rows if row["cancelled"]], "cancelled_in"),
        credits=_credits(credited),
        foreign=MonthSum(month=month, notas=foreign["notas"], amount=Cents(foreign["amount"])),
    )


def _classes(rows: Sequence[asyncpg.Record]) -> tuple[ClassTotal, ...]:
    """One line a class, the largest first; what says no class comes last."""
    found: dict[str | None, list[FiscalSums]] = defaultdict(list)
    for row in rows:
        found[row["fiscal_class"]].append(_sums(row))
    lines = [ClassTotal(fiscal_class=_read(text), sums=added(sums)) for text, sums in found.items()]
    return tuple(
        sorted(
            lines,
            key=lambda one: (one.fiscal_class is None, -one.sums.amount, repr(one.fiscal_class)),
        )
    )


def _credits(rows: Sequence[asyncpg.Record]) -> tuple[CreditSum, ...]:
    found: dict[date, list[FiscalSums]] = defaultdict(list)
    for row in rows:
        found[row["filed_in"]].append(_sums(row))
    return tuple(
        CreditSum(month=month_at(day), sums=added(sums)) for day, sums in sorted(found.items())
    )


def _by_month(rows: Sequence[asyncpg.Record], which: str) -> tuple[MonthSum, ...]:
    notas: dict[date | None, int] = defaultdict(int)
    amounts: dict[date | None, int] = defaultdict(int)
    for row in rows:
        notas[row[which]] += row["notas"]
        amounts[row[which]] += row["amount"]
    return tuple(
        MonthSum(
            month=None if day is None else month_at(day), notas=notas[day], amount=Cents(amount)
        )
        for day, amount in sorted(amounts.items(), key=lambda one: one[0] or date.min)
    )


def _sums(row: asyncpg.Record) -> FiscalSums:
    """What the notas of a class add up to; of those without one only their amount is sure."""
    one = _read(row["fiscal_class"])
    if one is None:
        amount = Cents(row["amount"])
        return FiscalSums(
            notas=row["notas"], amount=amount, total=amount, without_rate=row["notas"]
        )
    told = {name: Cents(row[name] or 0) for name in _TOLD}
    total = Cents(told["amount"] + told["discount"] + told["conditional_discount"])
    return FiscalSums(
        notas=row["notas"],
        total=total,
        without_rate=row["without_rate"],
        **told,
        **iss_kinds(one, Cents(row["iss"] or 0)),
    )


_TOLD: Final = (
    "amount",
    "discount",
    "conditional_discount",
    "deductions",
    "base",
    "pis",
    "cofins",
    "csll",
    "inss",
    "irrf",
)


def iss_kinds(fiscal_class: FiscalClass, iss: Cents) -> dict[str, Cents]:
    """Whose the ISS of a class is."""
    if fiscal_class.taxation == "suspended":
        return {"suspended_iss": iss}
    return {"withheld_iss" if fiscal_class.iss_withheld else "own_iss": iss}


def _read(text: str | None) -> FiscalClass | None:
    return None if text is None else read_class(text)


def month_at(day: date) -> Month:
    """The month of a day."""
    return Month(year=day.year, month=day.month)
