"""Limites: what a day may bring, and letting issuing go on after a brake."""

from typing import Annotated, Final

from pydantic import BaseModel, Field
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.typed import Whole
from services.panel.show import filters
from services.panel.show.facts import brake_facts, limits_facts
from services.panel.texts import text
from shared.commands.brakes import put_limits, release_brake
from shared.db.tenants import brakes_store
from shared.db.tenants.brakes_store import BrakeState
from shared.domain.brakes import TenantLimits
from shared.domain.messages import message_for
from shared.words import Reason

PATH: Final = f"{TENANT}/limites"
Count = Annotated[Whole, Field(ge=1, le=1_000_000)]


class _Limits(BaseModel):
    notas: Count | None = None
    antigas: Annotated[Whole, Field(ge=1, le=365)] | None = None


class _Asking(BaseModel):
    motivo: Reason


async def show(visit: Visit) -> Response:
    """The limits, and the brake that is on."""
    return await _show(visit, visit.form)


async def put(visit: Visit) -> Response:
    """Set the limits."""
    form = visit.form
    read = form.read(_Limits)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    amounts = {
        name: filters.amount(form[name]) if form[name].strip() else None for name in ("dia", "nota")
    }
    for name, cents in amounts.items():
        if form[name].strip() and not cents:
            return await _show(visit, form.wrong(**{name: text("amount.wrong")}))
    moved = form.stale(limits_facts(await _state(visit)), text("seen.changed"))
    if moved is not None:
        return await _show(visit, moved, 409)
    limits = TenantLimits(
        notas_a_day=read.notas,
        amount_a_day=amounts["dia"],
        amount_a_nota=amounts["nota"],
        unusual=form.has("fora_do_comum"),
        old_days=read.antigas,
    )
    await put_limits(visit.pool, visit.tenant.id, limits, by=visit.by)
    return visit.go(f"{visit.base}/limites", "saved")


async def release(visit: Visit) -> Response:
    """Let issuing go on, the held sales first."""
    read = visit.form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    moved = visit.form.stale(brake_facts(await _state(visit), visit.clock), text("seen.changed"))
    if moved is not None:
        return await _show(visit, moved, 409)
    await release_brake(
        visit.pool, visit.resources.waker, visit.tenant.id, reason=read.motivo, by=visit.by
    )
    return visit.go(f"{visit.base}/limites", "released")


async def _state(visit: Visit) -> BrakeState:
    async with visit.pool.acquire() as conn:
        return await brakes_store.get(conn, visit.tenant.id)


async def _show(visit: Visit, form: TypedForm, status: int | None = None) -> Response:
    state = await _state(visit)
    return visit.show(
        "limites.html",
        status or (422 if form.errors else 200),
        form=form,
        facts=limits_facts(state),
        brake_facts=brake_facts(state, visit.clock),
        limits=state.limits,
        brake=message_for(state.code).text if state.code else "",
        since=state.braked_at,
        detail=state.detail,
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="limits", get=show, post=put, see="see", do="connect"),
    PanelPage(path=f"{PATH}/liberar", name="limits_release", post=release, see="see", do="act"),
)
