"""The issuer's side of a month: its lists as last read, held against our valid notas.

A nota stands in the list of the company it was born at. It belongs to the month of its sale. One
that is not ours belongs to the month of its competência, and counts from the day the tenant was
activated: what was issued before, by whatever issued then, is none of our business. One that a
person accepted counts apart, as long as the issuer says of it what it said then.
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final, Literal

import asyncpg
from msgspec import Struct

from shared.db.closing.closing_read import OF_MONTH, Span, make_room
from shared.db.connection import Connection
from shared.db.tenants.nota_connections_store import BORN_UNDER
from shared.domain.closing import Month
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
# with each where the planner knows nothing of them yet. An issuer's ids are hexadecimal: to fold
# their letters as the language of the database asks is slow. One of ours that knows none yet is the
# first that is listed under its external id, so that none is paired, or counted, twice.
MONTH: Final = f"""
    month AS MATERIALIZED (
        SELECT coalesce(array_agg(s.bill_id), '{{}}') AS bills FROM sales s WHERE {OF_MONTH}
    )
"""  # noqa: S608 - only our own constant is put in
_OF_BILLS: Final = "= ANY((SELECT bills FROM month)::bigint[])"
_OURS: Final = f"""
               n.bill_id, n.external_id,
               coalesce(lower(n.issuer_id COLLATE "C") COLLATE "default", (
                   SELECT min(i.issuer_id) FROM issuer_notas i
                    WHERE i.tenant_id = $1 AND i.bill_id = n.bill_id AND i.bill_id IS NOT NULL
                      AND i.external_id = n.external_id AND i.valid)) AS issuer_id,
               coalesce(n.total, n.amount) AS amount, coalesce(n.total, n.amount) - n.amount
               AS discount, n.number,
               n.competencia, n.raw_status, n.status IN ('issued', 'cancelling', 'cancel_refused')
               AS valid, (n.created_at AT TIME ZONE 'UTC')::date AS day,
               greatest(n.created_at, n.sent_at, n.issued_at, n.cancelled_at) AS moved_at,
               {BORN_UNDER} AS connection_id
"""  # noqa: S608 - only our own constants are put in
_NOTAS: Final = f"""
          FROM notas n
         WHERE n.tenant_id = $1 AND n.bill_id {_OF_BILLS} AND n.environment = 'Producao'
"""
OURS: Final = f"""(
        SELECT {_OURS} {_NOTAS})
"""


def ours_with(columns: str) -> str:
    """OURS with more columns of a nota `n`, so that its row is read once for all of them."""
    return f"(SELECT {_OURS}, {columns} {_NOTAS})"


THEIRS: Final = f"""(
        SELECT i.bill_id, i.external_id, i.issuer_id, i.amount, i.number, i.competencia,
               i.differs, i.read_at
          FROM issuer_notas i
         WHERE i.tenant_id = $1 AND i.bill_id {_OF_BILLS} AND i.bill_id IS NOT NULL AND i.valid)
"""  # noqa: S608 - only our own constant is put in
OF_OTHERS: Final = """
               i.tenant_id = $1 AND i.company_id = $4 AND i.bill_id IS NULL AND i.valid
           AND i.competencia >= $5 AND i.competencia <= $6 AND i.created_on >= $7
"""
AS_ACCEPTED: Final = """
                   a.tenant_id = $1 AND a.issuer_id = i.issuer_id
               AND a.amount IS NOT DISTINCT FROM i.amount AND a.competencia = i.competencia
"""
_LISTED: Final = f"""
    ours AS MATERIALIZED {OURS},
    listed AS MATERIALIZED (
        {THEIRS}
         UNION ALL
        SELECT NULL, i.external_id, i.issuer_id, i.amount, i.number, i.competencia, NULL, i.read_at
          FROM issuer_notas i
         WHERE {OF_OTHERS}
           AND NOT EXISTS (SELECT FROM accepted_notas a WHERE {AS_ACCEPTED})
    )
"""  # noqa: S608 - only our own constants are put in
# Both sides are paired once, by the id that is a nota's own; what is valid and alike on both is let
# go at once, so that what follows is about a few.
AT_BOTH: Final = """
               l.external_id = o.external_id
           AND (o.issuer_id IS NULL OR l.issuer_id = o.issuer_id)
"""
ALIKE: Final = "(o.valid AND l.bill_id IS NOT NULL AND l.differs IS NULL)"
_PAIRS: Final = f"""
    pairs AS MATERIALIZED (
        SELECT o.bill_id AS our_bill, o.external_id AS our_external, o.issuer_id AS our_issuer,
               o.number AS our_number, o.competencia AS our_competencia, o.amount AS our_amount,
               o.raw_status, o.valid, o.day, o.moved_at, o.connection_id,
               l.bill_id, l.external_id, l.issuer_id, l.number, l.competencia,
               l.amount AS issuer_amount, l.differs, l.read_at
          FROM ours o
          FULL JOIN listed l ON {AT_BOTH}
         WHERE {ALIKE} IS NOT TRUE
    )
"""  # noqa: S608 - only our own constants are put in
# What a person stated stands against the issuer's word until the issuer says the same.
_FOUND: Final = """
    found AS (
        SELECT 'only_here' AS kind, p.our_bill AS bill_id, p.our_external AS external_id,
               p.our_issuer AS issuer_id, p.our_number AS number,
               p.our_competencia AS competencia, p.our_amount, NULL::bigint AS issuer_amount,
               NULL AS differs
          FROM pairs p
          JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = p.connection_id
          JOIN issuer_days d ON d.tenant_id = $1 AND d.company_id = lower(k.company_id)
           AND d.day = p.day
         WHERE p.valid AND p.read_at IS NULL AND d.read_at > p.moved_at
           AND p.raw_status IS DISTINCT FROM 'stated_by_person'
         UNION ALL
        SELECT 'differs', p.our_bill, p.our_external, p.issuer_id, p.number, p.competencia,
               p.our_amount, p.issuer_amount, p.differs
          FROM pairs p
         WHERE p.valid AND p.differs IS NOT NULL
         UNION ALL
        SELECT CASE WHEN EXISTS (SELECT FROM ours v
                                  WHERE v.bill_id = p.bill_id AND v.valid)
                    THEN 'second_nota' ELSE 'only_there' END,
               p.bill_id, p.external_id, p.issuer_id, p.number, p.competencia, NULL,
               p.issuer_amount, NULL
          FROM pairs p
         WHERE p.bill_id IS NOT NULL
           AND (p.valid OR p.raw_status = 'cancel_stated' OR p.moved_at > p.read_at) IS NOT TRUE
         UNION ALL
        SELECT CASE WHEN a.issuer_id IS NULL THEN 'foreign' ELSE 'accepted_changed' END,
               NULL, p.external_id, p.issuer_id, p.number, p.competencia, a.amount,
               p.issuer_amount,
               CASE WHEN a.issuer_id IS NOT NULL THEN concat_ws(' ',
                    CASE WHEN a.amount IS DISTINCT FROM p.issuer_amount THEN 'amount' END,
                    CASE WHEN a.competencia <> p.competencia THEN 'competencia' END) END
          FROM pairs p
          LEFT JOIN accepted_notas a ON a.tenant_id = $1 AND a.issuer_id = p.issuer_id
         WHERE p.read_at IS NOT NULL AND p.bill_id IS NULL
    )
"""

ODD: Final = f"""
    -- issuer_side_read.odd
    WITH month AS MATERIALIZED (
        SELECT $8::bigint[] AS bills WHERE $2::timestamptz < $3::timestamptz
    ),
         {_LISTED}, {_PAIRS}, {_FOUND}
    SELECT (SELECT coalesce(sum(o.discount), 0)::bigint FROM ours o
             WHERE o.discount <> 0 AND EXISTS (
                   SELECT FROM listed l WHERE l.external_id = o.external_id)) AS discount,
           (SELECT count(*) FROM found) AS differences
"""  # noqa: S608 - only our own constants are put in


async def odd(conn: Connection, scope: MonthScope, bills: Collection[BillId]) -> tuple[int, int]:
    """What the issuer's amounts of these bills have too much, and how many differences there are.

    The differences are those of these bills and of notas of others. To be called inside a
    transaction that has made room.
    """
    found = await conn.fetchrow(ODD, *scope.arguments(), list(bills))
    if found is None:
        raise AssertionError("an aggregate gives its row")
    return found["discount"], found["differences"]


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
    WITH {MONTH}, {_LISTED}, {_PAIRS}, {_FOUND}
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
