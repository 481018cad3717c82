"""Where the issuer's list and our notas of a month disagree, one by one."""

from datetime import date
from typing import Final

from pydantic import BaseModel

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    Operation,
)
from services.reconciler.api.kit.paging import Paging, cut, read_cursor
from services.reconciler.api.kit.shapes import MonthQuery
from services.reconciler.api.kit.words import Money
from shared.commands.differences import MESSAGES, differences_of
from shared.db.closing.issuer_side_read import Difference, DifferentField, Kind
from shared.domain.closing import Month
from shared.domain.money import Cents, show_reais


class DifferencesQuery(Paging, MonthQuery):
    """Which month, and where to go on."""


class NotaDifferenceOut(BaseModel):
    """A nota on which both sides disagree; `fields` says in what, where both have it."""

    kind: Kind
    bill_id: int | None
    external_id: str | None
    issuer_id: str | None
    number: str | None
    competencia: date | None
    our_amount: Money | None
    issuer_amount: Money | None
    fields: list[DifferentField]
    message: str


class DifferencesOut(BaseModel):
    """Differences of a month, as the issuer's list was last read."""

    items: list[NotaDifferenceOut]
    next: str | None


async def list_differences(call: Call[NoBody, DifferencesQuery]) -> Answer:
    """Show where the issuer's list and our notas of a month disagree."""
    query = call.query
    month = Month.read(query.month)
    after = "" if query.cursor is None else read_cursor(query.cursor, 1)[0]
    found = await differences_of(
        call.services.pool, call.tenant, month, after=after, limit=query.rows
    )
    shown, cursor = cut(found, query, lambda one: (one.key,))
    return Answer(body=DifferencesOut(items=[_show(one) for one in shown], next=cursor))


def _show(one: Difference) -> NotaDifferenceOut:
    return NotaDifferenceOut(
        kind=one.kind,
        bill_id=one.bill_id,
        external_id=one.external_id,
        issuer_id=one.issuer_id,
        number=one.number,
        competencia=one.competencia,
        our_amount=_money(one.our_amount),
        issuer_amount=_money(one.issuer_amount),
        fields=list(one.fields),
        message=MESSAGES[one.kind],
    )


def _money(amount: Cents | None) -> str | None:
    return None if amount is None else show_reais(amount)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/tenants/{tenant_id}/closing/differences",
        name="list_closing_differences",
        summary="Show where the issuer's own list and our notas of a month disagree",
        handler=list_differences,
        body=NoBody,
        query=DifferencesQuery,
        answer=DifferencesOut,
    ),
)
