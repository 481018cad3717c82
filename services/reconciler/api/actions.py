"""What support may ask for a sale, or for many at once."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, model_validator

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoQuery,
    Operation,
    Strict,
    sale_unknown,
)
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.shapes import ReasonIn
from services.reconciler.api.kit.words import Reason, Word
from shared.commands.actions import SALE_UNKNOWN, Asked, act, act_by_code
from shared.domain.actions import SaleAction
from shared.domain.ids import BillId

MOST_BILLS: Final = 5000
BillNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]


class ManyIn(Strict):
    """One action for all sales that carry a code, or for these bills."""

    action: SaleAction
    code: Word | None = None
    bill_ids: Annotated[list[BillNumber], Field(min_length=1, max_length=MOST_BILLS)] | None = None
    reason: Reason

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.code is None) == (self.bill_ids is None):
            raise ValueError("either code or bill_ids")
        return self


class AcceptedOut(BaseModel):
    """The action is written down; the sale's timeline shows what comes of it."""

    bill_id: int
    action: SaleAction


class RefusedOut(BaseModel):
    """A sale that the action was refused for."""

    bill_id: int
    code: str


class ManyOut(BaseModel):
    """How many sales the action was accepted for, and which it was not."""

    accepted: int
    refused: list[RefusedOut]


OneCall = Call[ReasonIn, NoQuery]


def _handler(action: SaleAction) -> Callable[[OneCall], Awaitable[Answer]]:
    async def ask(call: OneCall) -> Answer:
        services = call.services
        asked = Asked(action=action, reason=call.body.reason, by=call.actor)
        outcome = await act(services.pool, services.waker, call.tenant.id, [call.bill], asked)
        for refused in outcome.refused:
            if refused.code == SALE_UNKNOWN:
                raise sale_unknown()
            raise Problem(409, refused.code, "The state of this sale forbids it.")
        return Answer(status=202, body=AcceptedOut(bill_id=call.bill, action=action))

    return ask


async def ask_many(call: Call[ManyIn, NoQuery]) -> Answer:
    """Ask for one action on many sales."""
    services, body = call.services, call.body
    asked = Asked(action=body.action, reason=body.reason, by=call.actor)
    if body.code is not None:
        outcome = await act_by_code(services.pool, services.waker, call.tenant.id, body.code, asked)
    else:
        bills = [BillId(number) for number in body.bill_ids or []]
        outcome = await act(services.pool, services.waker, call.tenant.id, bills, asked)
    refused = [RefusedOut(bill_id=one.bill_id, code=one.code) for one in outcome.refused]
    return Answer(status=202, body=ManyOut(accepted=outcome.accepted, refused=refused))


_CONFLICTS: Final[dict[SaleAction, tuple[str, ...]]] = {
    "retry": ("nothing_to_retry", "numbering_needs_person"),
    "hold": ("nota_exists", "nothing_to_hold"),
    "release": ("not_held",),
    "issue": ("nota_exists", "nothing_to_issue", "numbering_needs_person"),
    "cancel": ("already_cancelled", "nothing_to_cancel"),
}
_SUMMARIES: Final[dict[SaleAction, str]] = {
    "retry": "Try again: re-send a denied nota, decide a held sale afresh",
    "hold": "Keep a sale from being issued",
    "release": "Let a held sale go on",
    "issue": "Issue now, whatever the rule says about when",
    "cancel": "Cancel the nota, or never issue it",
}


def _operation(action: SaleAction) -> AnyOperation:
    return Operation(
        method="POST",
        path=f"/tenants/{{tenant_id}}/sales/{{bill_id}}/{action}",
        name=f"{action}_sale",
        summary=_SUMMARIES[action],
        handler=_handler(action),
        body=ReasonIn,
        query=NoQuery,
        status=202,
        answer=AcceptedOut,
        refusals={404: ("sale_unknown",), 409: _CONFLICTS[action]},
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    *(_operation(action) for action in _SUMMARIES),
    Operation(
        method="POST",
        path="/tenants/{tenant_id}/sales/actions",
        name="act_on_sales",
        summary="Ask for one action on many sales at once",
        handler=ask_many,
        body=ManyIn,
        query=NoQuery,
        status=202,
        answer=ManyOut,
    ),
)
