"""Fechamento, the files: small months at once, large ones made behind with their progress."""

from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response

from services.panel.kit.downloads import download
from services.panel.kit.page import PanelPage, Visit
from services.panel.kit.serve import NotThere
from services.panel.pages.closing import PATH, closed, month_sent
from services.panel.pages.zip_progress import telling
from services.panel.show.closing import file_shown
from shared.commands.files.month_file import (
    MonthSource,
    file_name,
    media_type,
    month_file,
)
from shared.commands.files.month_zip import month_zip
from shared.db.closing import month_files_store
from shared.db.closing.month_files_store import KINDS, MonthFile, MonthFileKind
from shared.db.tenants import audit_store
from shared.domain.closing import Closing, Month

_FILE: Final = f"{PATH}/arquivos/{{mes}}/{{tipo}}"


async def ask(visit: Visit) -> Response:
    """Have a file made; one that is being made already is the one."""
    month, kind = month_sent(visit), _kind(visit.form["tipo"])
    async with visit.pool.acquire() as conn:
        if await month_files_store.ask(conn, visit.tenant.id, month, kind, by=visit.by):
            detail = {"month": str(month), "kind": kind}
            await audit_store.add(
                conn, visit.tenant.id, actor=visit.by, action="month_file_asked", detail=detail
            )
    return visit.go(f"{visit.base}/fechamento/arquivos/{month}/{kind}")


async def show(visit: Visit) -> Response:
    """How far a file is; once it is ready, where to fetch it."""
    file = await _file(visit)
    return visit.show("fechamento_arquivo.html", file=file, shown=file_shown(file))


async def fetch(visit: Visit) -> Response:
    """The file that was made."""
    file = await _file(visit)
    if file.state != "ready":
        return visit.go(f"{visit.base}/fechamento/arquivos/{file.month}/{file.kind}")
    pieces = month_files_store.pieces(visit.pool, file)
    return _attached(visit, file.kind, file.month, pieces, size=file.bytes)


async def at_once(visit: Visit) -> Response:
    """The file of a month that is small enough to be waited for."""
    month, kind = _month(visit), _kind(str(visit.request.path_params["tipo"]))

    async def close() -> Closing:
        return await closed(visit, month)

    source = MonthSource(
        pool=visit.pool,
        sealer=visit.resources.sealer,
        tenant=visit.tenant,
        month=month,
        at=visit.resources.now(),
        close=close,
    )
    return _attached(visit, kind, month, await month_file(kind, source))


async def notas(visit: Visit) -> Response:
    """XML and PDF of every valid nota, as the issuer gives them."""
    month, resources = _month(visit), visit.resources
    pieces = await month_zip(
        visit.pool, resources.sealer, resources.clients, visit.tenant, month, at=resources.now()
    )
    if pieces is None:
        return visit.go(f"{visit.base}/fechamento?mes={month}", "no_issuer")
    name = f"notas-{month}.zip"
    told = telling(visit, month, pieces)
    return download(visit, told, media_type="application/zip", headers=_headers(name))


async def _file(visit: Visit) -> MonthFile:
    month, kind = _month(visit), _kind(str(visit.request.path_params["tipo"]))
    async with visit.pool.acquire() as conn:
        found = await month_files_store.get(conn, visit.tenant.id, month, kind)
    if found is None:
        raise NotThere
    return found


def _month(visit: Visit) -> Month:
    try:
        return Month.read(str(visit.request.path_params["mes"]))
    except ValueError:
        raise NotThere from None


def _kind(given: str) -> MonthFileKind:
    for kind in KINDS:
        if kind == given:
            return kind
    raise NotThere


def _attached(
    visit: Visit,
    kind: MonthFileKind,
    month: Month,
    pieces: AsyncIterator[bytes],
    size: int | None = None,
) -> Response:
    headers = _headers(file_name(kind, month))
    if size is not None:  # not packed again, so that the browser shows how far it is
        headers |= {"Content-Length": str(size), "Content-Encoding": "identity"}
    return download(visit, pieces, media_type=media_type(kind), headers=headers)


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=f"{PATH}/arquivos", name="closing_files", post=ask, see="see", do="see"),
    PanelPage(path=_FILE, name="closing_file", get=show, see="see"),
    PanelPage(path=f"{_FILE}/baixar", name="closing_file_fetch", get=fetch, see="see"),
    PanelPage(path=f"{_FILE}/agora", name="closing_file_now", get=at_once, see="see"),
    PanelPage(path=f"{PATH}/notas/{{mes}}", name="closing_notas", get=notas, see="see"),
)
