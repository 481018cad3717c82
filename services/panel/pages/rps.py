"""Numeração de RPS: where the company's own numbers go on, and what became of each handed out."""

import re
from typing import Annotated, Final

from pydantic import BaseModel, Field
from starlette.responses import Response

from services.panel.kit import say
from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.typed import Whole
from services.panel.show.facts import series_facts
from services.panel.show.rps import number_shown
from services.panel.texts import text
from shared.commands.rps_series import RpsRefused, put_next_number
from shared.db.tenants import nota_connections_store, rps_store
from shared.db.tenants.rps_store import LARGEST, Series, SeriesKey
from shared.domain.fields.stated import RPS_SERIES
from shared.words import Reason, plain_number

PATH: Final = f"{TENANT}/configuracoes/rps"
_SERIES: Final = re.compile(RPS_SERIES)
_ROWS: Final = 100


class _Asking(BaseModel):
    proximo: Annotated[Whole, Field(ge=1, le=LARGEST)]
    motivo: Reason


async def show(visit: Visit) -> Response:
    """The series, and the numbers of one of them."""
    return await _show(visit, visit.form)


async def put(visit: Visit) -> Response:
    """Say which number of a series comes next; never one that was handed out."""
    form, resources = visit.form, visit.resources
    series = form["serie"].strip()
    if not _SERIES.fullmatch(series):
        return await _show(visit, form.wrong(serie=text("rps.wrong_series")))
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    facts = series_facts(await _all(visit), visit.clock)
    moved = form.stale(facts, text("seen.changed"))
    if moved is not None:
        return await _show(visit, moved, 409)
    try:
        # Beyond this company: another account here may number the same series of it.
        await put_next_number(
            resources.pool,
            resources.waker,
            visit.tenant.id,
            series,
            read.proximo,
            reason=read.motivo,
            by=visit.by,
        )
    except RpsRefused as refused:
        return await _show(visit, _refused(form, refused), 409)
    return visit.go(f"{visit.base}/configuracoes/rps?serie={series}", "saved")


def _refused(form: TypedForm, refused: RpsRefused) -> TypedForm:
    match refused.code:
        case "rps_number_given":
            last = say.number(refused.last or 0)
            return form.wrong(proximo=text("rps.given", last=last))
        case "rps_series_elsewhere":
            return form.wrong(serie=text("rps.elsewhere"))
        case _:
            return form.wrong(form_=text("rps.no_issuer"))


async def _all(visit: Visit) -> list[Series]:
    async with visit.pool.acquire() as conn:
        current = await nota_connections_store.current_id(conn, visit.tenant.id)
        return await rps_store.list_series(conn, visit.tenant.id, current)


async def _show(visit: Visit, form: TypedForm, status: int | None = None) -> Response:
    given = visit.request.query_params
    found = await _all(visit)
    in_use = [one for one in found if one.in_use]
    chosen = next((one for one in in_use if one.series == given.get("serie", "")), None)
    chosen = chosen or (in_use[0] if in_use else None)
    below = plain_number(given.get("antes", ""), LARGEST) or LARGEST + 1
    numbers = []
    async with visit.pool.acquire() as conn:
        current = await nota_connections_store.current_id(conn, visit.tenant.id)
        if chosen is not None and current is not None:
            key = SeriesKey(connection_id=current, series=chosen.series)
            numbers = await rps_store.numbers(
                conn, visit.tenant.id, key, below=below, limit=_ROWS + 1
            )
    return visit.show(
        "rps.html",
        status or (422 if form.errors else 200),
        form=form,
        series=found,
        chosen=chosen,
        facts=series_facts(found, visit.clock),
        connected=current is not None,
        numbers=[number_shown(one) for one in numbers[:_ROWS]],
        next=numbers[_ROWS - 1].number if len(numbers) > _ROWS else None,
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="rps", get=show, post=put, see="see", do="connect"),
)
