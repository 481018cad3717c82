"""Templates: escaped always, strict about names, texts out of the one catalogue."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.panel.kit import say
from services.panel.kit.assets import address
from services.panel.kit.blanks import WithoutBlanks
from services.panel.kit.zones import zone_named
from services.panel.texts import TEXTS, text

# Who calls the internal API with the token of the installation itself.
OPERATOR: Final = "operator"
_SETTING: Final = re.compile(r" \([A-Z]+(?:_[A-Z]+)+\)")
FOLDER: Final = Path(__file__).parents[1] / "templates"


def environment() -> Environment:
    """The templates of this service."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=[WithoutBlanks],
    )
    made.globals |= {"t": text, "asset": address, "say": say}
    made.filters |= {
        "money": say.money,
        "plain_money": say.plain_money,
        "number": say.number,
        "short_number": say.short_number,
        "day": say.day,
        "month": say.month,
        "span": say.span,
        "name": short_name,
        "unset": without_settings,
        "zone": zone_named,
    }
    return made


def short_name(by: str) -> str:
    """Who did something, without what names them beyond doubt: `Ana Souza`, `Rui (suporte)`."""
    if by == OPERATOR:
        return TEXTS["role.operator"]
    name, bracket, inside = by.rpartition(" (p")
    if not bracket or not inside.endswith(")"):
        return by
    more = inside[:-1].partition(", ")[2]
    return f"{name} ({more})" if more else name


def without_settings(said: str) -> str:
    """A message without the names of our settings, which tell nobody here anything."""
    return _SETTING.sub("", said)


TEMPLATES: Final = environment()


def render(template: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page as an answer."""
    return HTMLResponse(TEMPLATES.get_template(template).render(context), status_code=status)
