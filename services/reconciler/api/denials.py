"""Denied notas by cause, and one button for all of a cause."""

from typing import Final

from pydantic import BaseModel, Field

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
)
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.shapes import ReasonIn
from services.reconciler.api.kit.words import Instant, Money
from shared.commands.denials import NumberingNeedsPerson, retry_group
from shared.crypto.seal import Sealer
from shared.db.sales import denials_store
from shared.db.sales.denials_store import DenialGroup
from shared.domain.denials import GROUP, policy_for
from shared.domain.ids import TenantId
from shared.domain.messages import message_of_denial
from shared.domain.money import show_reais
from shared.domain.refusals import WhoActs


class DenialGroupOut(BaseModel):
    """All denied sales of one cause; `original` is one of the issuer's texts."""

    group: str = Field(description="Names the cause in `…/denials/{group}/retry`.")
    code: str
    count: int
    amount: Money
    first_at: Instant
    last_at: Instant
    example_bill_ids: list[int]
    message: str
    who_acts: WhoActs
    can_retry: bool
    resent_by_itself: int = Field(description="How many are sent again without anybody's help.")
    original: str | None


class DenialsOut(BaseModel):
    """Causes, the most frequent first."""

    items: list[DenialGroupOut]


class RetriedOut(BaseModel):
    """How many sales are sent again, at the issuer's pace."""

    group: str
    accepted: int


async def list_groups(call: Call[NoBody, NoQuery]) -> Answer:
    """Group the denials that stand."""
    async with call.services.pool.acquire() as conn:
        found = await denials_store.groups(conn, call.tenant.id)
    items = [_show(group, call.services.sealer, call.tenant.id) for group in found]
    return Answer(body=DenialsOut(items=items))


async def retry(call: Call[ReasonIn, NoQuery]) -> Answer:
    """Send all of a cause again."""
    services, group = call.services, call.path["group"]
    if not GROUP.fullmatch(group):
        raise Problem(404, "denial_group_unknown", "There is no such cause.")
    try:
        accepted = await retry_group(
            services.pool,
            services.waker,
            call.tenant.id,
            group,
            reason=call.body.reason,
            by=call.actor,
        )
    except NumberingNeedsPerson as error:
        detail = "These may exist already; a person has to look at each."
        raise Problem(409, "numbering_needs_person", detail) from error
    return Answer(status=202, body=RetriedOut(group=group, accepted=accepted))


def _show(found: DenialGroup, sealer: Sealer, tenant: TenantId) -> DenialGroupOut:
    message = message_of_denial(found.denial, found.cause)
    return DenialGroupOut(
        group=found.group,
        code=found.denial,
        count=found.count,
        amount=show_reais(found.amount),
        first_at=found.first_at,
        last_at=found.last_at,
        example_bill_ids=list(found.examples),
        message=message.text,
        who_acts=message.who_acts,
        can_retry=policy_for(found.denial).ever,
        resent_by_itself=found.by_itself,
        original=denials_store.original_text(sealer, tenant, found),
    )


_DENIALS: Final = "/tenants/{tenant_id}/denials"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path=_DENIALS,
        name="list_denials",
        summary="Show denied notas by cause: how many, how much, who acts",
        handler=list_groups,
        body=NoBody,
        query=NoQuery,
        answer=DenialsOut,
    ),
    Operation(
        method="POST",
        path=f"{_DENIALS}/{{group}}/retry",
        name="retry_denials",
        summary="Send all denied notas of one cause again",
        handler=retry,
        body=ReasonIn,
        query=NoQuery,
        status=202,
        answer=RetriedOut,
        refusals={404: ("denial_group_unknown",), 409: ("numbering_needs_person",)},
    ),
)
