"""Suporte: one box for a company, a sale or a nota of anybody."""

import re
from typing import Final

from starlette.responses import Response

from services.panel.kit.page import PanelPage, Visit
from shared.db.tenants import tenants_store
from shared.domain.external_id import LARGEST_BILL
from shared.words import plain_number

_EXTERNAL: Final = re.compile(r"[hp]-(t[a-z0-9]{10})-(\d{1,19})(?:x\d+)?-\d+")
_MOST: Final = 50


async def show(visit: Visit) -> Response:
    """The box, and the newest companies."""
    return await _show(visit, "")


async def search(visit: Visit) -> Response:
    """A company's name or id, a bill, or the issuer's idExterno."""
    words = visit.form["busca"].strip()[:200]
    exact = _EXTERNAL.fullmatch(words)
    if exact:
        return visit.go(f"/e/{exact[1]}/vendas/{exact[2]}")
    return await _show(visit, words)


async def _show(visit: Visit, words: str) -> Response:
    bill = plain_number(words, LARGEST_BILL)
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    async with visit.resources.pool.acquire() as conn:
        found = await tenants_store.search_any_tenant(
            conn, like=f"%{escaped}%", word=words, bill=bill, limit=_MOST
        )
    return visit.show("suporte.html", found=found, words=words, bill=bill)


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path="/suporte", name="support", get=show, post=search, see="search"),
)
