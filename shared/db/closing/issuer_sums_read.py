"""The issuer's side of a month added up, beside the notas of ours that it is held against."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.closing import issuer_side_read
from shared.db.closing.closing_read import make_room
from shared.db.closing.filing_read import COUNTED, SUMMED, WAS_VALID, FiledOfSales, sums
from shared.db.closing.issuer_side_read import (
    ALIKE,
    AS_ACCEPTED,
    AT_BOTH,
    MONTH,
    OF_OTHERS,
    OURS,
    THEIRS,
    MonthScope,
    ours_with,
)
from shared.db.connection import Connection
from shared.domain.closing import IssuerSide, ListDay, Month, NotaSum
from shared.domain.filing import MonthSum
from shared.domain.money import Cents

_ONE: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)


class IssuersMonth(Struct, frozen=True, kw_only=True):
    """The issuer's side, and what of ours was read beside it; `filed` is None if not asked for."""

    side: IssuerSide
    filed: FiledOfSales | None


# Both sides of the month's sales, added up as they are paired: by the day and the connection that
# our notas were made on and under, and by the month they are filed in where it is another one. What
# is not plain in one look (all that is not alike, and what the issuer lists at another amount) is
# named by its bills, and looked at apart.
_KEYS: Final = """
           o.connection_id, o.day,
           CASE WHEN o.valid AND (o.competencia < $4 OR o.competencia > $5)
                THEN date_trunc('month', o.competencia::timestamp)::date END AS elsewhere
"""
_SUMS: Final = f"""
           max(o.moved_at) AS moved_at, count(o.bill_id) FILTER (WHERE o.valid) AS valid,
           coalesce(sum(o.amount - o.discount) FILTER (WHERE o.valid), 0)::bigint AS valid_amount,
           count(l.bill_id) AS listed, coalesce(sum(l.amount), 0)::bigint AS listed_amount,
           array_agg(coalesce(o.bill_id, l.bill_id)) FILTER (
               WHERE o.discount <> 0
                  OR {ALIKE} IS NOT TRUE AND (o.valid OR l.bill_id IS NOT NULL)) AS odd
"""
SIDE: Final = f"""
    -- issuer_sums_read.side
    WITH {MONTH}
    SELECT {_KEYS}, {_SUMS}
      FROM {OURS} o
      FULL JOIN {THEIRS} l ON {AT_BOTH}
     GROUP BY 1, 2, 3
"""  # noqa: S608 - only our own constants are put in
# The same, with what is filed in the month by its class, so that rows as wide as a nota's are read
# once.
_INDEXED: Final = """
               (n.competencia >= $4 AND n.competencia <= $5
                AND n.status IN ('issued', 'cancelling', 'cancel_refused', 'cancelled'))
"""
_FISCAL: Final = f"""
               {_INDEXED} AS indexed,
               {_INDEXED} AND (n.status <> 'cancelled' OR n.cancelled_at >= $3 AND {WAS_VALID})
               AS filed,
               n.status = 'cancelled' AS cancelled, n.cancelled_at,
               {COUNTED}, {", ".join(f"n.{name} AS fiscal_{name}" for name in SUMMED)}
"""
SIDE_FILED: Final = f"""
    -- issuer_sums_read.side_filed
    WITH {MONTH}
    SELECT {_KEYS}, o.filed, CASE WHEN o.filed THEN o.fiscal_class END AS fiscal_class,
           o.filed AND o.cancelled AS cancelled,
           date_trunc('month', CASE WHEN o.filed AND o.cancelled THEN o.cancelled_at END
                               AT TIME ZONE $6)::date AS cancelled_in,
           {_SUMS}, {sums("o.fiscal_")},
           count(o.bill_id) FILTER (WHERE o.indexed) AS indexed
      FROM {ours_with(_FISCAL)} o
      FULL JOIN {THEIRS} l ON {AT_BOTH}
     GROUP BY 1, 2, 3, 4, 5, 6, 7
"""  # noqa: S608 - only our own constants are put in
OTHERS: Final = f"""
    -- issuer_sums_read.others
    SELECT accepted, count(*) AS notas, coalesce(sum(amount), 0)::bigint AS amount
      FROM (SELECT i.amount,
                   EXISTS (SELECT FROM accepted_notas a WHERE {AS_ACCEPTED}) AS accepted
              FROM issuer_notas i WHERE {OF_OTHERS} AND $2::timestamptz < $3::timestamptz) AS one
     GROUP BY accepted
"""  # noqa: S608 - only our own constants are put in
CONNECTIONS: Final = """
    -- issuer_sums_read.connections
    SELECT connection_id, lower(company_id) AS company_id FROM nota_connections
     WHERE tenant_id = $1
"""
DAYS: Final = """
    -- issuer_sums_read.days
    SELECT company_id, day, read_at FROM issuer_days
     WHERE tenant_id = $1 AND day >= $2 AND day <= $3 AND read_at IS NOT NULL
"""


async def side_of(
    conn: Connection, scope: MonthScope, *, filed_at: str | None = None
) -> IssuersMonth:
    """The issuer's side of a month, as its lists were last read; inside a transaction.

    With a time zone, `filed_at`, also what the month's sales have filed in it.
    """
    await make_room(conn)
    span, month = scope.span, scope.month
    of_month = (span.tenant, span.first, span.end, month.first_day, scope.last_day)
    if filed_at is None:
        rows = await conn.fetch(SIDE, *of_month)
    else:
        rows = await conn.fetch(SIDE_FILED, *of_month, filed_at)
    others = {row["accepted"]: row for row in await conn.fetch(OTHERS, *scope.arguments())}
    foreign, accepted = _sum(others.get(False)), _sum(others.get(True))
    odd = {bill for row in rows for bill in row["odd"] or ()}
    discount, differences = 0, foreign.notas
    if odd:
        discount, differences = await issuer_side_read.odd(conn, scope, odd)
    days = days_of(scope, await _moved(conn, scope, rows))
    read = await _read(conn, scope, days) if days else {}
    known = [read[day] for day in days if day in read]
    side = IssuerSide(
        environment=scope.environment,
        notas=sum(row["listed"] for row in rows) + foreign.notas,
        amount=Cents(sum(row["listed_amount"] for row in rows) + foreign.amount - discount),
        read_at=min(known) if known and len(known) == len(days) else None,
        differences=differences,
        accepted=accepted,
        stale=tuple(
            day
            for day, changed in sorted(days.items())
            if day not in read or (changed is not None and read[day] <= changed)
        ),
    )
    return IssuersMonth(side=side, filed=None if filed_at is None else _filed(rows))


def _filed(rows: Sequence[asyncpg.Record]) -> FiledOfSales:
    return FiledOfSales(
        valid=sum(row["valid"] for row in rows),
        elsewhere=_elsewhere(rows),
        rows=[row for row in rows if row["filed"]],
        indexed=sum(row["indexed"] for row in rows),
    )


def _sum(row: asyncpg.Record | None) -> NotaSum:
    return NotaSum() if row is None else NotaSum(notas=row["notas"], amount=Cents(row["amount"]))


async def _moved(
    conn: Connection, scope: MonthScope, rows: Sequence[asyncpg.Record]
) -> dict[ListDay, datetime]:
    """The last change of a nota of ours, by the company and the day that it was made on."""
    companies = {
        row["connection_id"]: row["company_id"]
        for row in await conn.fetch(CONNECTIONS, scope.span.tenant)
    }
    moved: dict[ListDay, datetime] = {}
    for row in rows:
        if row["day"] is not None:  # the issuer's alone: no nota of ours is there
            company = companies.get(row["connection_id"]) or scope.company or ""
            made_on = ListDay(company=company, day=row["day"])
            moved[made_on] = max(row["moved_at"], moved.get(made_on, row["moved_at"]))
    return moved


def _elsewhere(rows: Sequence[asyncpg.Record]) -> tuple[MonthSum, ...]:
    found: dict[date, tuple[int, int]] = {}
    for row in rows:
        if row["elsewhere"] is not None:
            notas, amount = found.get(row["elsewhere"], (0, 0))
            found[row["elsewhere"]] = (notas + row["valid"], amount + row["valid_amount"])
    return tuple(
        MonthSum(month=Month(year=day.year, month=day.month), notas=notas, amount=Cents(amount))
        for day, (notas, amount) in sorted(found.items())
    )


async def _read(
    conn: Connection, scope: MonthScope, days: Collection[ListDay]
) -> dict[ListDay, datetime]:
    first, last = min(one.day for one in days), max(one.day for one in days)
    rows = await conn.fetch(DAYS, scope.span.tenant, first, last)
    return {ListDay(company=row["company_id"], day=row["day"]): row["read_at"] for row in rows}


def days_of(scope: MonthScope, moved: dict[ListDay, datetime]) -> dict[ListDay, datetime | None]:
    """The UTC days of creation a month's notas lie on, each with the last change around it.

    Both clocks may differ, so the days beside one count with it. Notas of others may be made on
    any day of the month from the tenant's activation on, at the company in use. The month's last
    hours in Brazil lie on the day after it, which has to be read once they are over.
    """
    days: dict[ListDay, datetime | None] = {}
    if scope.environment == "Producao" and scope.since is not None:
        day = max(scope.month.first_day, scope.since)
        while day <= min(scope.last_day, scope.today):
            days[ListDay(company=scope.company or "", day=day)] = None
            day += _ONE
        over = (scope.span.end - _INSTANT).astimezone(UTC).date()
        if scope.last_day < over <= scope.today and scope.since <= over:
            ended = scope.span.end if over < scope.today else None
            days[ListDay(company=scope.company or "", day=over)] = ended
    for made_on, changed in moved.items():
        for day in (made_on.day - _ONE, made_on.day, made_on.day + _ONE):
            if day <= scope.today:
                beside = ListDay(company=made_on.company, day=day)
                before = days.get(beside)
                days[beside] = changed if before is None else max(before, changed)
    return days
