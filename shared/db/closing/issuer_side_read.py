"""The issuer's side of a month: its lists as last read, held against our valid notas.

A nota stands in the list of the company it was born at. It belongs to the month of its sale. One
that is not ours belongs to the month of its competência, and counts from the day the tenant was
activated: what was issued before, by whatever issued then, is none of our business. One that a
person accepted counts apart, as long as the issuer says of it what it said then.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final, Literal

import asyncpg
from msgspec import Struct

from shared.db.closing.closing_read import OF_MONTH, Span, make_room
from shared.db.connection import Connection
from shared.db.tenants.nota_connections_store import BORN_UNDER
from shared.domain.closing import IssuerSide, ListDay, Month, NotaSum
from shared.domain.ids import BillId, ExternalId
from shared.domain.money import Cents
from shared.domain.nota import IssuerEnvironment

Kind = Literal["only_here", "only_there", "second_nota", "differs", "foreign", "accepted_changed"]
DifferentField = Literal["amount", "customer", "competencia"]
FIELDS: Final[tuple[DifferentField, ...]] = ("amount", "customer", "competencia")
_ONE: Final = timedelta(days=1)


class MonthScope(Struct, frozen=True, kw_only=True):
    """Which month; `company` is where notas are born now, in small letters.

    `since` is the first day that notas of others count from.
    """

    span: Span
    month: Month
    company: str | None
    environment: IssuerEnvironment | None
    since: date | None
    today: date

    @property
    def last_day(self) -> date:
        """The last day of the month."""
        return self.month.last_day

    def arguments(self) -> tuple[object, ...]:
        """What the statements below take, in their order."""
        span = self.span
        return (
            span.tenant,
            span.first,
            span.end,
            self.company,
            self.month.first_day,
            self.last_day,
            self.since,
        )


CONNECTED: Final = """
    -- issuer_side_read.connected
    SELECT lower(i.company_id) AS company_id, i.environment,
           (t.active_from AT TIME ZONE 'UTC')::date AS since,
           (now() AT TIME ZONE 'UTC')::date AS today
      FROM tenants t LEFT JOIN issuer_connections i ON i.tenant_id = t.tenant_id
     WHERE t.tenant_id = $1
"""


async def scope_of(conn: Connection, span: Span, month: Month) -> MonthScope:
    """What the issuer's side of a month is about."""
    row = await conn.fetchrow(CONNECTED, span.tenant)
    if row is None:
        raise LookupError("no such tenant")
    return MonthScope(
        span=span,
        month=month,
        company=row["company_id"],
        environment=row["environment"],
        since=row["since"],
        today=row["today"],
    )


# The notas of a month's sales are led to by their bills: a join of both may become one of each
# with each where the planner knows nothing of them yet.
_MONTH: Final = f"""
    month AS MATERIALIZED (
        SELECT coalesce(array_agg(s.bill_id), '{{}}') AS bills FROM sales s WHERE {OF_MONTH}
    )
"""  # noqa: S608 - only our own constant is put in
_OF_BILLS: Final = "= ANY((SELECT bills FROM month)::bigint[])"
_OURS: Final = f"""
    ours AS MATERIALIZED (
        SELECT n.bill_id, n.external_id, lower(n.issuer_id) AS issuer_id,
               coalesce(n.total, n.amount) AS amount, coalesce(n.total, n.amount) - n.amount
               AS discount, n.number,
               n.competencia, n.raw_status, n.status IN ('issued', 'cancelling', 'cancel_refused')
               AS valid, (n.created_at AT TIME ZONE 'UTC')::date AS day,
               greatest(n.created_at, n.sent_at, n.issued_at, n.cancelled_at) AS moved_at,
               lower(k.company_id) AS company_id
          FROM notas n
          LEFT JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = {BORN_UNDER}
         WHERE n.tenant_id = $1 AND n.bill_id {_OF_BILLS} AND n.environment = 'Producao'
    )
"""  # noqa: S608 - only our own constants are put in
_OF_OTHERS: Final = """
               i.tenant_id = $1 AND i.company_id = $4 AND i.bill_id IS NULL AND i.valid
           AND i.competencia >= $5 AND i.competencia <= $6 AND i.created_on >= $7
"""
_AS_ACCEPTED: Final = """
                   a.tenant_id = $1 AND a.issuer_id = i.issuer_id
               AND a.amount IS NOT DISTINCT FROM i.amount AND a.competencia = i.competencia
"""
_LISTED: Final = f"""
    listed AS MATERIALIZED (
        SELECT i.bill_id, i.external_id, i.issuer_id, i.amount, i.number, i.competencia,
               i.differs, i.read_at
          FROM issuer_notas i
         WHERE i.tenant_id = $1 AND i.bill_id {_OF_BILLS} AND i.bill_id IS NOT NULL AND i.valid
         UNION ALL
        SELECT NULL, i.external_id, i.issuer_id, i.amount, i.number, i.competencia, NULL, i.read_at
          FROM issuer_notas i
         WHERE {_OF_OTHERS}
           AND NOT EXISTS (SELECT FROM accepted_notas a WHERE {_AS_ACCEPTED})
    )
"""  # noqa: S608 - only our own constants are put in
_ACCEPTED: Final = f"""
    accepted AS (
        SELECT i.amount FROM issuer_notas i
         WHERE {_OF_OTHERS}
           AND EXISTS (SELECT FROM accepted_notas a WHERE {_AS_ACCEPTED})
    )
"""  # noqa: S608 - only our own constants are put in
# What a person stated stands against the issuer's word until the issuer says the same.
_FOUND: Final = """
    found AS (
        SELECT 'only_here' AS kind, o.bill_id, o.external_id, o.issuer_id, o.number,
               o.competencia, o.amount AS our_amount, NULL::bigint AS issuer_amount,
               NULL AS differs
          FROM ours o
          JOIN issuer_days d ON d.tenant_id = $1 AND d.company_id = o.company_id AND d.day = o.day
         WHERE o.valid AND d.read_at > o.moved_at
           AND o.raw_status IS DISTINCT FROM 'stated_by_person'
           AND NOT EXISTS (
               SELECT FROM listed l WHERE l.external_id = o.external_id
                  AND (o.issuer_id IS NULL OR l.issuer_id = o.issuer_id))
         UNION ALL
        SELECT 'differs', o.bill_id, o.external_id, l.issuer_id, l.number, l.competencia,
               o.amount, l.amount, l.differs
          FROM ours o JOIN listed l ON l.external_id = o.external_id
           AND (o.issuer_id IS NULL OR l.issuer_id = o.issuer_id)
         WHERE o.valid AND l.differs IS NOT NULL
         UNION ALL
        SELECT CASE WHEN EXISTS (SELECT FROM ours v
                                  WHERE v.bill_id = l.bill_id AND v.valid)
                    THEN 'second_nota' ELSE 'only_there' END,
               l.bill_id, l.external_id, l.issuer_id, l.number, l.competencia, NULL, l.amount, NULL
          FROM listed l
         WHERE l.bill_id IS NOT NULL
           AND NOT EXISTS (
               SELECT FROM ours o
                WHERE o.external_id = l.external_id
                  AND (o.issuer_id IS NULL OR o.issuer_id = l.issuer_id)
                  AND (o.valid OR o.raw_status = 'cancel_stated' OR o.moved_at > l.read_at))
         UNION ALL
        SELECT CASE WHEN a.issuer_id IS NULL THEN 'foreign' ELSE 'accepted_changed' END,
               NULL, l.external_id, l.issuer_id, l.number, l.competencia, a.amount, l.amount,
               CASE WHEN a.issuer_id IS NOT NULL THEN concat_ws(' ',
                    CASE WHEN a.amount IS DISTINCT FROM l.amount THEN 'amount' END,
                    CASE WHEN a.competencia <> l.competencia THEN 'competencia' END) END
          FROM listed l
          LEFT JOIN accepted_notas a ON a.tenant_id = $1 AND a.issuer_id = l.issuer_id
         WHERE l.bill_id IS NULL
    )
"""

SIDE: Final = f"""
    -- issuer_side_read.side
    WITH {_MONTH}, {_OURS}, {_LISTED}, {_ACCEPTED}, {_FOUND}
    SELECT (SELECT count(*) FROM listed) AS notas,
           (SELECT count(*) FROM accepted) AS accepted,
           (SELECT coalesce(sum(amount), 0)::bigint FROM accepted) AS accepted_amount,
           (SELECT coalesce(sum(amount), 0)::bigint FROM listed)
           - (SELECT coalesce(sum(o.discount), 0)::bigint FROM ours o
               WHERE o.discount <> 0 AND EXISTS (
                     SELECT FROM listed l WHERE l.external_id = o.external_id)) AS amount,
           (SELECT count(*) FROM found) AS differences
"""  # noqa: S608 - only our own constants are put in
MOVED: Final = f"""
    -- issuer_side_read.moved
    WITH {_MONTH}, {_OURS}
    SELECT company_id, day, max(moved_at) AS moved_at FROM ours GROUP BY company_id, day
"""  # noqa: S608 - only our own constants are put in
DAYS: Final = """
    -- issuer_side_read.days
    SELECT company_id, day, read_at FROM issuer_days
     WHERE tenant_id = $1 AND day >= $2 AND day <= $3 AND read_at IS NOT NULL
"""


async def side_of(conn: Connection, scope: MonthScope) -> IssuerSide:
    """The issuer's side of a month, as its lists were last read; inside a transaction."""
    await make_room(conn)
    span = scope.span
    moved = {
        ListDay(company=row["company_id"] or scope.company or "", day=row["day"]): row["moved_at"]
        for row in await conn.fetch(MOVED, span.tenant, span.first, span.end)
    }
    days = days_of(scope, moved)
    row = await conn.fetchrow(SIDE, *scope.arguments())
    if row is None:
        raise AssertionError("an aggregate gives its row")
    read = await _read(conn, scope, days) if days else {}
    stale = tuple(
        day
        for day, changed in sorted(days.items())
        if day not in read or (changed is not None and read[day] <= changed)
    )
    known = [read[day] for day in days if day in read]
    return IssuerSide(
        environment=scope.environment,
        notas=row["notas"],
        amount=Cents(row["amount"]),
        read_at=min(known) if known and len(known) == len(days) else None,
        differences=row["differences"],
        accepted=NotaSum(notas=row["accepted"], amount=Cents(row["accepted_amount"])),
        stale=stale,
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
    any day of the month from the tenant's activation on, at the company in use.
    """
    days: dict[ListDay, datetime | None] = {}
    if scope.environment == "Producao" and scope.since is not None:
        day = max(scope.month.first_day, scope.since)
        while day <= min(scope.last_day, scope.today):
            days[ListDay(company=scope.company or "", day=day)] = None
            day += _ONE
    for made_on, changed in moved.items():
        for day in (made_on.day - _ONE, made_on.day, made_on.day + _ONE):
            if day <= scope.today:
                beside = ListDay(company=made_on.company, day=day)
                before = days.get(beside)
                days[beside] = changed if before is None else max(before, changed)
    return days


class Difference(Struct, frozen=True, kw_only=True):
    """A nota on which the issuer's list and we disagree; amounts are None on the side without.

    `our_amount` of one that a person accepted is the amount it had then.
    """

    kind: Kind
    bill_id: BillId | None
    external_id: ExternalId | None
    issuer_id: str | None
    number: str | None
    competencia: date | None
    our_amount: Cents | None
    issuer_amount: Cents | None
    differs: str | None

    @property
    def fields(self) -> tuple[DifferentField, ...]:
        """In what both sides differ, where both have it."""
        differs = (self.differs or "").split()
        return tuple(field for field in FIELDS if field in differs)

    @property
    def key(self) -> str:
        """Where a list goes on after it."""
        return _key(self.kind, self.external_id, self.issuer_id)


def _key(kind: str, external_id: str | None, issuer_id: str | None) -> str:
    return f"{kind}:{external_id or ''}:{issuer_id or ''}"


DIFFERENCES: Final = f"""
    -- issuer_side_read.differences
    WITH {_MONTH}, {_OURS}, {_LISTED}, {_FOUND}
    SELECT * FROM found
     WHERE kind || ':' || coalesce(external_id, '') || ':' || coalesce(issuer_id, '')
           > $8 COLLATE "C"
     ORDER BY kind || ':' || coalesce(external_id, '') || ':' || coalesce(issuer_id, '')
           COLLATE "C"
     LIMIT $9
"""  # noqa: S608 - only our own constants are put in


async def differences(
    conn: Connection, scope: MonthScope, *, after: str = "", limit: int
) -> list[Difference]:
    """The differences of a month by their keys, beginning above `after`."""
    async with conn.transaction():
        await make_room(conn)
        rows = await conn.fetch(DIFFERENCES, *scope.arguments(), after, limit)
    return [_difference(row) for row in rows]


def _difference(row: asyncpg.Record) -> Difference:
    return Difference(**dict(row))
