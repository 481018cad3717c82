"""What support may ask for a sale, or for many at once."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

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
from services.reconciler.api.kit.problem import Problem, invalid
from services.reconciler.api.kit.shapes import ReasonIn
from services.reconciler.api.kit.words import Reason, Word
from shared.commands.actions import (
    NOT_DECIDED,
    SALE_UNKNOWN,
    ActionRefused,
    Asked,
    act,
    act_by_code,
)
from shared.commands.refusals import refusal_text
from shared.domain.actions import SaleAction
from shared.domain.amounts import BILL, LINES, REMAINING
from shared.domain.ids import BillId
from shared.domain.money import read_reais
from shared.domain.part_actions import (
    NO_SUCH_PART,
    NOT_ALLOWED,
    NOTHING_TO_SUBSTITUTE,
    OF_PARTS,
    PART_NEEDED,
    WHOLE_FIRST,
)
from shared.domain.shadow import IN_SHADOW

MOST_BILLS: Final = 5000
Amount = Annotated[str, Field(pattern=r"^(lines|bill|remaining|\d{1,12}\.\d\d)$")]
BillNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]


class AmountIn(ReasonIn):
    """Why, and what the nota is for: where lines and amount disagree, or a part was given back."""

    amount: Amount | None = Field(
        default=None,
        description='"lines", "bill", or reais above zero: for an amount_mismatch. "remaining",'
        ' "bill" or reais with `issue`: for a sale given back in part; without one, the whole.',
    )


PartNumber = Annotated[int, Field(ge=1, le=9999)]


class PartIn(ReasonIn):
    """Why, and which nota of a divided sale it is about; without a part, the whole sale."""

    part: PartNumber | None = Field(
        default=None, description="One nota of a sale that has several, by its number."
    )


class IssueIn(AmountIn, PartIn):
    """Why, which nota, what it is for, and whether it is dated the day it is sent."""

    competencia: Literal["today"] | None = Field(
        default=None,
        description='"today" dates the nota the day it is sent, which may be another month: for a'
        " competencia_month_closed or a denied_competencia whose attention offers it. Otherwise a"
        " denied nota keeps its day.",
    )
    without_document: bool = Field(
        default=False,
        description="This one sale is issued without CPF or CNPJ: for a"
        " customer_document_missing or customer_document_invalid. Once it is at Vindi it is used.",
    )
    substitute: bool = Field(
        default=False,
        description="Another nota takes the place of the valid one, in one step, where the rule's"
        " `reissue` allows it.",
    )

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.amount is not None and self.substitute:
            raise ValueError("amount is of a sale that has no nota yet")
        if self.amount is not None and self.part is not None:
            raise ValueError("amount is of the whole sale, part of one of its notas")
        others = self.part is not None or self.substitute or self.amount or self.competencia
        if self.without_document and others:
            raise ValueError("without_document goes with nothing else")
        return self


class ManyIn(Strict):
    """One action for all sales that carry a code, or for these bills."""

    action: SaleAction
    code: Word | None = None
    bill_ids: Annotated[list[BillNumber], Field(min_length=1, max_length=MOST_BILLS)] | None = None
    reason: Reason
    amount: Amount | None = None
    competencia: Literal["today"] | None = None
    part: PartNumber | None = Field(
        default=None, description="The same nota of each, by its number; of no part, all of a sale."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.code is None) == (self.bill_ids is None):
            raise ValueError("either code or bill_ids")
        if self.part is not None and self.action not in OF_PARTS:
            raise ValueError(f"part goes with {', '.join(OF_PARTS)}")
        if self.part is not None and self.amount is not None:
            raise ValueError("amount is of the whole sale, part of one of its notas")
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
        services, body = call.services, call.body
        amount = _amount(body.amount) if isinstance(body, AmountIn) else None
        part = body.part if isinstance(body, PartIn) else None
        asked = Asked(
            action=action,
            reason=body.reason,
            by=call.actor,
            amount=amount,
            today=isinstance(body, IssueIn) and body.competencia == "today",
            part=part,
            substitute=isinstance(body, IssueIn) and body.substitute,
            without_document=isinstance(body, IssueIn) and body.without_document,
        )
        outcome = await act(services.pool, services.waker, call.tenant.id, [call.bill], asked)
        for refused in outcome.refused:
            raise _problem(refused, ZoneInfo(call.tenant.timezone))
        return Answer(status=202, body=AcceptedOut(bill_id=call.bill, action=action))

    return ask


def _amount(text: str | None) -> str | None:
    if text is None or text in (LINES, BILL, REMAINING):
        return text
    cents = read_reais(text)
    if cents == 0:
        raise invalid("amount", "more than zero")
    return str(cents)


def _problem(refused: ActionRefused, zone: ZoneInfo) -> Problem:
    if refused.code == SALE_UNKNOWN:
        return sale_unknown()
    return Problem(409, refused.code, refusal_text(refused, zone), missing=refused.missing)


async def ask_many(call: Call[ManyIn, NoQuery]) -> Answer:
    """Ask for one action on many sales."""
    services, body = call.services, call.body
    amount = _amount(body.amount)
    asked = Asked(
        action=body.action,
        reason=body.reason,
        by=call.actor,
        amount=amount,
        today=body.competencia == "today",
        part=body.part,
    )
    if body.code is not None:
        outcome = await act_by_code(services.pool, services.waker, call.tenant.id, body.code, asked)
    else:
        bills = [BillId(number) for number in body.bill_ids or []]
        outcome = await act(services.pool, services.waker, call.tenant.id, bills, asked)
    refused = [RefusedOut(bill_id=one.bill_id, code=one.code) for one in outcome.refused]
    return Answer(status=202, body=ManyOut(accepted=outcome.accepted, refused=refused))


_CONFLICTS: Final[dict[SaleAction, tuple[str, ...]]] = {
    "retry": (
        NOT_DECIDED,
        "nothing_to_retry",
        "decision_needed",
        "numbering_needs_person",
        NO_SUCH_PART,
        WHOLE_FIRST,
    ),
    "hold": (NOT_DECIDED, "nota_exists", "nothing_to_hold"),
    "release": (
        NOT_DECIDED,
        "not_held",
        "decision_needed",
        "amount_needed",
        "no_amount_to_choose",
        IN_SHADOW,
    ),
    "issue": (
        NOT_DECIDED,
        "nota_exists",
        "nothing_to_issue",
        "numbering_needs_person",
        "data_missing",
        "amount_needed",
        "no_amount_to_choose",
        "no_day_to_move",
        "document_not_missing",
        NO_SUCH_PART,
        WHOLE_FIRST,
        NOT_ALLOWED,
        NOTHING_TO_SUBSTITUTE,
        PART_NEEDED,
        IN_SHADOW,
    ),
    "cancel": (NOT_DECIDED, "already_cancelled", "nothing_to_cancel", NO_SUCH_PART),
}
_BODIES: Final[dict[SaleAction, type[ReasonIn]]] = {
    "retry": PartIn,
    "hold": ReasonIn,
    "release": AmountIn,
    "issue": IssueIn,
    "cancel": PartIn,
}
_SUMMARIES: Final[dict[SaleAction, str]] = {
    "retry": "Try again: re-send a denied nota with the day it has, decide a held sale afresh",
    "hold": "Keep a sale from being issued",
    "release": "Let a held sale go on: issue what waits for a person's word alone",
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
        body=_BODIES[action],
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
