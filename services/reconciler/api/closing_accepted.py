"""Notas of another system that a person accepts in a closing, so that the month balances."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from services.reconciler.api.closing_differences import DifferencesQuery
from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
)
from services.reconciler.api.kit.paging import cut, read_cursor
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.shapes import ReasonIn
from services.reconciler.api.kit.words import Day, Instant, Money, month_of
from shared.commands.accept_notas import (
    MONTH_LOCKED,
    NOT_ACCEPTED,
    NOT_FOREIGN,
    AcceptanceOutcome,
    AcceptRefused,
    accept_notas,
    revoke_notas,
)
from shared.commands.closing import span_of
from shared.db.closing import accepted_notas_store, issuer_side_read
from shared.db.closing.accepted_notas_store import AcceptedNota
from shared.domain.closing import Month
from shared.domain.foreign import Selection
from shared.domain.money import show_reais

MOST_IDS: Final = 1000
IssuerId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]


class SelectionIn(ReasonIn):
    """Why, and which notas of the month that are not ours.

    Either `issuer_ids`, or `all` of them, or those that were created at the issuer before a day
    (UTC), or whose external id begins with a prefix, or both. Without `issuer_ids`, notas that bear
    an id of another tenant here are left out.
    """

    issuer_ids: Annotated[list[IssuerId], Field(min_length=1, max_length=MOST_IDS)] | None = None
    created_before: Day | None = None
    external_id_prefix: Prefix | None = None
    all: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        some = self.created_before is not None or self.external_id_prefix is not None
        if (self.issuer_ids is not None) + self.all + some != 1:
            raise ValueError("either issuer_ids, or all, or created_before and external_id_prefix")
        return self

    def selection(self) -> Selection:
        """As the domain says it."""
        return Selection(
            issuer_ids=self.issuer_ids,
            created_before=self.created_before,
            external_id_prefix=self.external_id_prefix,
        )


class NotConcernedOut(BaseModel):
    """A nota that was named and stays as it is."""

    issuer_id: str
    code: str


class AcceptanceOut(BaseModel):
    """How many became accepted, of how much; `already` were so before."""

    accepted: int
    amount: Money
    already: int
    refused: list[NotConcernedOut]


class RevokedOut(BaseModel):
    """How many are not accepted any more, of how much."""

    revoked: int
    amount: Money
    refused: list[NotConcernedOut]


class AcceptedNotaOut(BaseModel):
    """A nota as it was accepted; `stands` while the issuer still says the same of it."""

    issuer_id: str
    external_id: str | None
    number: str | None
    amount: Money | None
    competencia: date
    reason: str
    by: str
    at: Instant
    stands: bool


class AcceptedList(BaseModel):
    """What was accepted in a month."""

    items: list[AcceptedNotaOut]
    next: str | None


AcceptCall = Call[SelectionIn, NoQuery]


async def accept(call: AcceptCall) -> Answer:
    """Accept notas of another system."""
    done = await _do(call, accept_notas)
    return Answer(
        body=AcceptanceOut(
            accepted=done.changed.notas,
            amount=show_reais(done.changed.amount),
            already=done.before,
            refused=_refused(done, NOT_FOREIGN),
        )
    )


async def revoke(call: AcceptCall) -> Answer:
    """Take it back."""
    done = await _do(call, revoke_notas)
    return Answer(
        body=RevokedOut(
            revoked=done.changed.notas,
            amount=show_reais(done.changed.amount),
            refused=_refused(done, NOT_ACCEPTED),
        )
    )


async def _do(
    call: AcceptCall, work: Callable[..., Awaitable[AcceptanceOutcome]]
) -> AcceptanceOutcome:
    month, body = month_of(call.path["month"]), call.body
    try:
        return await work(
            call.services.pool,
            call.tenant,
            month,
            body.selection(),
            reason=body.reason,
            by=call.actor,
        )
    except AcceptRefused as error:
        detail = "O mês está travado. Abra-o antes de mudar o que foi aceito nele."
        raise Problem(409, error.code, detail) from error


def _refused(done: AcceptanceOutcome, code: str) -> list[NotConcernedOut]:
    return [NotConcernedOut(issuer_id=one, code=code) for one in done.unknown]


async def list_accepted(call: Call[NoBody, DifferencesQuery]) -> Answer:
    """Show what was accepted in a month."""
    query = call.query
    month = Month.read(query.month)
    after = "" if query.cursor is None else read_cursor(query.cursor, 1)[0]
    async with call.services.pool.acquire() as conn:
        span = await span_of(conn, call.tenant, month)
        scope = await issuer_side_read.scope_of(conn, span, month)
        found = await accepted_notas_store.list_month(conn, scope, after=after, limit=query.rows)
    shown, cursor = cut(found, query, lambda one: (one.issuer_id,))
    return Answer(body=AcceptedList(items=[_show(one) for one in shown], next=cursor))


def _show(one: AcceptedNota) -> AcceptedNotaOut:
    return AcceptedNotaOut(
        issuer_id=one.issuer_id,
        external_id=one.external_id,
        number=one.number,
        amount=None if one.amount is None else show_reais(one.amount),
        competencia=one.competencia,
        reason=one.reason,
        by=one.accepted_by,
        at=one.accepted_at,
        stands=one.stands,
    )


_OF_MONTH: Final = "/tenants/{tenant_id}/closing/{month}/accepted"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/tenants/{tenant_id}/closing/accepted",
        name="list_accepted_notas",
        summary="Show the issuer's notas of a month that are not ours and were accepted",
        handler=list_accepted,
        body=NoBody,
        query=DifferencesQuery,
        answer=AcceptedList,
    ),
    Operation(
        method="POST",
        path=_OF_MONTH,
        name="accept_notas",
        summary="Accept notas of another system, so that they are no differences of the month",
        handler=accept,
        body=SelectionIn,
        query=NoQuery,
        answer=AcceptanceOut,
        refusals={404: ("month_unknown",), 409: (MONTH_LOCKED,)},
    ),
    Operation(
        method="DELETE",
        path=_OF_MONTH,
        name="revoke_accepted_notas",
        summary="Take back that notas of another system were accepted",
        handler=revoke,
        body=SelectionIn,
        query=NoQuery,
        answer=RevokedOut,
        refusals={404: ("month_unknown",), 409: (MONTH_LOCKED,)},
    ),
)
