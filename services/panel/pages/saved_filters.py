"""Lists of sales under a name, for everybody of the company."""

from typing import Annotated, Final

from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import PanelPage, Visit
from services.panel.pages.sales import PATH, carried, show_list
from services.panel.show import filters
from services.panel.texts import text
from shared.db.sales import saved_filters_store


class _Naming(BaseModel):
    nome_filtro: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)
    ]


async def change(visit: Visit) -> Response:
    """Give the list a name, or take a name away."""
    form = visit.form
    if form["fazer"] == "apagar":
        async with visit.pool.acquire() as conn:
            await saved_filters_store.remove(conn, visit.tenant.id, form["filtro"])
        return visit.go(f"{visit.base}/vendas", "filter_removed")
    chosen = filters.read(dict(carried(form)))
    read = form.read(_Naming)
    if isinstance(read, TypedForm):
        return await show_list(visit, chosen, None, read)
    query = chosen.query()
    async with visit.pool.acquire() as conn:
        saved = await saved_filters_store.all_of(conn, visit.tenant.id)
        is_new = read.nome_filtro.casefold() not in {one.key for one in saved}
        if is_new and len(saved) >= saved_filters_store.MOST:
            wrong = form.wrong(nome_filtro=text("filter.too_many"))
            return await show_list(visit, chosen, None, wrong)
        await saved_filters_store.put(
            conn, visit.tenant.id, read.nome_filtro, query, by=visit.by, now=visit.resources.now()
        )
    return visit.go(f"{visit.base}/vendas?{query}", "filter_saved")


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=f"{PATH}/filtros", name="saved_filters", post=change, see="see", do="act"),
)
