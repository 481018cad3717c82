"""A person's word on a nota whose fate we do not know."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

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
from services.reconciler.api.kit.words import Reason
from shared.commands.statements import Statement, state_nota

Number = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z./-]{1,50}$")]


class StatementIn(Strict):
    """What the city hall shows; `number` only for a nota that exists.

    `exists: false` for a nota we hold for valid says that it is cancelled there.
    """

    exists: bool
    number: Number | None = None
    reason: Reason
    part: Annotated[int, Field(ge=1, le=9999)] | None = None

    @model_validator(mode="after")
    def _number_of_something(self) -> Self:
        if self.number is not None and not self.exists:
            raise ValueError("a nota that does not exist has no number")
        return self


class StatedOut(BaseModel):
    """The statement is written down; the sale's timeline shows what comes of it."""

    bill_id: int
    exists: bool


async def state(call: Call[StatementIn, NoQuery]) -> Answer:
    """Take a person's word."""
    body, services = call.body, call.services
    statement = Statement(
        exists=body.exists,
        number=body.number,
        reason=body.reason,
        by=call.actor,
        part=body.part,
    )
    try:
        refusal = await state_nota(
            services.pool, services.waker, call.tenant.id, call.bill, statement
        )
    except LookupError:
        raise sale_unknown() from None
    if refusal is not None:
        detail = "A situação desta venda não pede informação sobre o portal da prefeitura."
        raise Problem(409, refusal.code, detail)
    return Answer(status=202, body=StatedOut(bill_id=call.bill, exists=body.exists))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path="/tenants/{tenant_id}/sales/{bill_id}/state-nota",
        name="state_nota",
        summary="State what the city hall shows: of a nota in doubt whether it exists,"
        " of a valid one that it was cancelled there",
        handler=state,
        body=StatementIn,
        query=NoQuery,
        status=202,
        answer=StatedOut,
        refusals={404: ("sale_unknown",), 409: ("nothing_to_state", "being_worked_on")},
    ),
)
