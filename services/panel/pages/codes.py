"""Códigos: a service's code found by words, in the official tables."""

from typing import Final, get_args

from starlette.responses import Response

from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.texts import text
from shared.domain.tables import TableName, find_entries, table

PATH: Final = f"{TENANT}/regra/codigos"
NAMES: Final[tuple[TableName, ...]] = get_args(TableName)
_MOST: Final = 30
_MOST_LETTERS: Final = 100


async def show(visit: Visit) -> Response:
    """What fits the words; nothing without any."""
    given = visit.request.query_params
    name: TableName = next((one for one in NAMES if one == given.get("tabela")), "lc116")
    words = given.get("palavras", "").strip()[:_MOST_LETTERS]
    known = table(name)
    return visit.show(
        "codigos.html",
        tables=[(one, text(f"table.{one}")) for one in NAMES],
        chosen=name,
        words=words,
        title=known.title,
        version=known.version,
        found=[one.entry for one in find_entries(name, words, limit=_MOST)] if words else [],
    )


PAGES: Final[tuple[PanelPage, ...]] = (PanelPage(path=PATH, name="codes", get=show, see="see"),)
