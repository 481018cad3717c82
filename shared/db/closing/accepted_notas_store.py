"""Notas at the issuer that are not ours and that a person accepted, each as it was then."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.closing.issuer_side_read import MonthScope
from shared.db.connection import Connection
from shared.domain.closing import NotaSum
from shared.domain.foreign import Selection
from shared.domain.ids import ExternalId
from shared.domain.money import Cents

# A nota that bears an id of our making is another tenant's sale: nobody accepts that in bulk.
_OF_OUR_MAKING: Final = "^[hp]-t[a-z0-9]{10}-[1-9][0-9]*(x[0-9]+)?-[0-9]+$"
_CHOSEN: Final = """
       ($7::text[] IS NULL OR issuer_id = ANY($7))
       AND ($7 IS NOT NULL OR coalesce(external_id, '') !~ $8)
       AND ($9::date IS NULL OR created_on < $9)
       AND ($10::text IS NULL OR starts_with(coalesce(external_id, ''), $10))
"""
ACCEPT: Final = f"""
    -- accepted_notas_store.accept
    WITH chosen AS MATERIALIZED (
        SELECT i.issuer_id, i.external_id, i.number, i.amount, i.competencia, i.created_on
          FROM issuer_notas i
         WHERE i.tenant_id = $1 AND i.company_id = $2 AND i.bill_id IS NULL AND i.valid
           AND i.competencia >= $3 AND i.competencia <= $4 AND i.created_on >= $5 AND {_CHOSEN}),
    made AS (
        INSERT INTO accepted_notas AS a
               (tenant_id, issuer_id, external_id, number, amount, competencia, created_on,
                reason, accepted_by, accepted_at)
        SELECT $1, c.issuer_id, c.external_id, c.number, c.amount, c.competencia, c.created_on,
               $11::text, $12::text, $6::timestamptz
          FROM chosen c
            ON CONFLICT (tenant_id, issuer_id) DO UPDATE
           SET external_id = excluded.external_id, number = excluded.number,
               amount = excluded.amount, competencia = excluded.competencia,
               created_on = excluded.created_on, reason = excluded.reason,
               accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at
         WHERE (a.amount, a.competencia) IS DISTINCT FROM (excluded.amount, excluded.competencia)
     RETURNING a.issuer_id, a.amount)
    SELECT (SELECT count(*) FROM made) AS notas,
           (SELECT coalesce(sum(amount), 0)::bigint FROM made) AS amount,
           (SELECT count(*) FROM chosen) AS chosen,
           (SELECT coalesce(array_agg(issuer_id), '{{}}') FROM chosen
             WHERE issuer_id = ANY($7)) AS found
"""  # noqa: S608 - only our own constants are put in


class Acceptance(Struct, frozen=True, kw_only=True):
    """What became accepted, how many were so before, and which of those named are there."""

    new: NotaSum
    before: int
    found: frozenset[str]


async def accept(
    conn: Connection,
    scope: MonthScope,
    selection: Selection,
    *,
    reason: str,
    by: str,
    at: datetime,
) -> Acceptance:
    """Accept the valid foreign notas of a month that a person chose, as they are listed now."""
    row = await conn.fetchrow(ACCEPT, *_arguments(scope, selection, at), reason, by)
    if row is None:
        raise AssertionError("an aggregate gives its row")
    return Acceptance(
        new=_sum(row), before=row["chosen"] - row["notas"], found=frozenset(row["found"])
    )


def _arguments(scope: MonthScope, selection: Selection, at: datetime) -> tuple[object, ...]:
    return (
        scope.span.tenant,
        scope.company,
        scope.month.first_day,
        scope.last_day,
        scope.since,
        at,
        *_chosen(selection),
    )


def _chosen(selection: Selection) -> tuple[object, ...]:
    ids = selection.issuer_ids
    return (
        None if ids is None else [one.lower() for one in ids],
        _OF_OUR_MAKING,
        selection.created_before,
        selection.external_id_prefix,
    )


REVOKE: Final = """
    -- accepted_notas_store.revoke
    WITH gone AS (
        DELETE FROM accepted_notas
         WHERE tenant_id = $1 AND competencia >= $2 AND competencia <= $3
           AND ($4::text[] IS NULL OR issuer_id = ANY($4))
           AND ($5::date IS NULL OR created_on < $5)
           AND ($6::text IS NULL OR starts_with(coalesce(external_id, ''), $6))
     RETURNING issuer_id, amount)
    SELECT count(*) AS notas, coalesce(sum(amount), 0)::bigint AS amount,
           coalesce(array_agg(issuer_id) FILTER (WHERE issuer_id = ANY($4)), '{}') AS found
      FROM gone
"""


async def revoke(conn: Connection, scope: MonthScope, selection: Selection) -> Acceptance:
    """Take back what was accepted in a month; `before` is 0."""
    ids, _, created_before, prefix = _chosen(selection)
    days = (scope.month.first_day, scope.last_day)
    row = await conn.fetchrow(REVOKE, scope.span.tenant, *days, ids, created_before, prefix)
    if row is None:
        raise AssertionError("an aggregate gives its row")
    return Acceptance(new=_sum(row), before=0, found=frozenset(row["found"]))


def _sum(row: asyncpg.Record) -> NotaSum:
    return NotaSum(notas=row["notas"], amount=Cents(row["amount"]))


class AcceptedNota(Struct, frozen=True, kw_only=True):
    """A nota as it was accepted; `stands` while the issuer still says the same of it."""

    issuer_id: str
    external_id: ExternalId | None
    number: str | None
    amount: Cents | None
    competencia: date
    reason: str
    accepted_by: str
    accepted_at: datetime
    stands: bool


LIST: Final = """
    -- accepted_notas_store.list_month
    SELECT a.issuer_id, a.external_id, a.number, a.amount, a.competencia, a.reason, a.accepted_by,
           a.accepted_at, EXISTS (
               SELECT FROM issuer_notas i
                WHERE i.tenant_id = $1 AND i.issuer_id = a.issuer_id AND i.valid
                  AND i.amount IS NOT DISTINCT FROM a.amount AND i.competencia = a.competencia)
           AS stands
      FROM accepted_notas a
     WHERE a.tenant_id = $1 AND a.competencia >= $2 AND a.competencia <= $3
       AND a.issuer_id > $4 COLLATE "C"
     ORDER BY a.issuer_id COLLATE "C" LIMIT $5
"""


async def list_month(
    conn: Connection, scope: MonthScope, *, after: str = "", limit: int
) -> Sequence[AcceptedNota]:
    """What was accepted in a month, by the issuer's ids, beginning above `after`."""
    days = (scope.month.first_day, scope.last_day)
    rows = await conn.fetch(LIST, scope.span.tenant, *days, after, limit)
    return [AcceptedNota(**dict(row)) for row in rows]
