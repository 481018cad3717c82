"""A tenant's brakes: limits of notas and money, and the one click that releases them."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.problem import Problem, invalid
from services.reconciler.api.kit.shapes import ReasonIn
from services.reconciler.api.kit.words import Instant, Money
from shared.commands.brakes import put_limits, release_brake
from shared.db.tenants import brakes_store
from shared.db.tenants.brakes_store import BrakeState
from shared.domain.brakes import TenantLimits
from shared.domain.messages import message_for
from shared.domain.money import Cents, read_reais, show_reais

Reais = Annotated[str, Field(pattern=r"^\d{1,12}\.\d\d$", description="Reais, above zero.")]


class LimitsIn(Strict):
    """What may be issued; null means no limit. Days are the tenant's."""

    notas_a_day: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    amount_a_day: Reais | None = None
    amount_a_nota: Reais | None = None
    unusual: bool = Field(
        default=True, description="Stop at over five times the busiest recent day."
    )
    old_days: Annotated[int, Field(ge=1, le=365)] | None = Field(
        default=10,
        description="Hold notas due longer ago than this, asked for by no backfill, when they are"
        " more than a few and over twice as many as on any recent day.",
    )


class BrakeOut(BaseModel):
    """Why nothing is issued, since when, and what to do."""

    code: str
    since: Instant
    detail: str
    message: str


class LimitsOut(BaseModel):
    """The limits in force, and the brake while one is on."""

    notas_a_day: int | None
    amount_a_day: Money | None
    amount_a_nota: Money | None
    unusual: bool
    old_days: int | None
    brake: BrakeOut | None


class ReleasedOut(BaseModel):
    """How many held sales go out now."""

    released: int


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show the limits."""
    async with call.services.pool.acquire() as conn:
        return Answer(body=_show(await brakes_store.get(conn, call.tenant.id)))


async def put(call: Call[LimitsIn, NoQuery]) -> Answer:
    """Set the limits."""
    limits = _read(call.body)
    state = await put_limits(call.services.pool, call.tenant.id, limits, by=call.actor)
    return Answer(body=_show(state))


async def release(call: Call[ReasonIn, NoQuery]) -> Answer:
    """Let issuing go on."""
    services = call.services
    was_on, freed = await release_brake(
        services.pool, services.waker, call.tenant.id, reason=call.body.reason, by=call.actor
    )
    if not was_on and not freed:
        raise Problem(409, "no_brake", "No brake is on, and no sale is held by one.")
    return Answer(status=202, body=ReleasedOut(released=freed))


def _read(body: LimitsIn) -> TenantLimits:
    return TenantLimits(
        notas_a_day=body.notas_a_day,
        amount_a_day=_cents("amount_a_day", body.amount_a_day),
        amount_a_nota=_cents("amount_a_nota", body.amount_a_nota),
        unusual=body.unusual,
        old_days=body.old_days,
    )


def _cents(field: str, text: str | None) -> Cents | None:
    if text is None:
        return None
    cents = read_reais(text)
    if cents == 0:
        raise invalid(field, "more than zero; null means no limit")
    return cents


def _show(state: BrakeState) -> LimitsOut:
    limits = state.limits
    return LimitsOut(
        notas_a_day=limits.notas_a_day,
        amount_a_day=_reais(limits.amount_a_day),
        amount_a_nota=_reais(limits.amount_a_nota),
        unusual=limits.unusual,
        old_days=limits.old_days,
        brake=_brake(state),
    )


def _brake(state: BrakeState) -> BrakeOut | None:
    if state.code is None or state.braked_at is None:
        return None
    return BrakeOut(
        code=state.code,
        since=state.braked_at,
        detail=state.detail,
        message=message_for(state.code).text,
    )


def _reais(cents: Cents | None) -> str | None:
    return None if cents is None else show_reais(cents)


_LIMITS: Final = "/tenants/{tenant_id}/limits"
_SHOWN: Final[dict[str, Any]] = {"query": NoQuery, "answer": LimitsOut}

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path=_LIMITS,
        name="get_limits",
        summary="Show what may be issued in a day, and whether a brake is on",
        handler=get,
        body=NoBody,
        **_SHOWN,
    ),
    Operation(
        method="PUT",
        path=_LIMITS,
        name="put_limits",
        needs="operator",
        summary="Limit notas and money a day, and money a nota",
        handler=put,
        body=LimitsIn,
        **_SHOWN,
    ),
    Operation(
        method="POST",
        path=f"{_LIMITS}/release",
        name="release_brake",
        summary="Let issuing go on, the held sales first",
        handler=release,
        body=ReasonIn,
        query=NoQuery,
        status=202,
        answer=ReleasedOut,
        refusals={409: ("no_brake",)},
    ),
)
