"""Saídas: companies that asked to be deleted, for support: which, until when they may turn back."""

from contextlib import suppress
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from services.panel.kit.page import PanelPage, Visit
from services.panel.show.departures import departure_shown
from shared.db.privacy import departures_store
from shared.db.tenants import tenants_store

PATH: Final = "/suporte/saidas"
_ROWS: Final = 50


async def show(visit: Visit) -> Response:
    """Every leaving, the newest first; of a company that is gone its id alone is known."""
    before = _place(visit.request.query_params.get("depois", ""))
    async with visit.resources.pool.acquire() as conn:
        found = await departures_store.list_any_tenant(conn, before=before, limit=_ROWS + 1)
        shown = found[:_ROWS]
        names = await tenants_store.names_any_tenant(conn, [one.tenant_id for one in shown])
    last = shown[-1] if len(found) > _ROWS else None
    return visit.show(
        "saidas.html",
        departures=[departure_shown(one, names.get(one.tenant_id)) for one in shown],
        next=urlencode({"depois": f"{last.asked_at.isoformat()}~{last.tenant_id}"}) if last else "",
    )


def _place(given: str) -> tuple[datetime, str] | None:
    """Where the page before ended; None for nothing and nonsense."""
    at, _, tenant = given[:80].partition("~")
    with suppress(ValueError):
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is not None and 2000 <= instant.year <= 2199:
            return instant, tenant
    return None


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="departures", get=show, see="search"),
)
