"""The reference as pages, written by the server from the description: no script, nothing fetched.

Like the description itself it is open to whoever reaches the port: it holds no tenant's data.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.reconciler.reference.read import groups_of
from services.reconciler.reference.words import Json, refusals

ROOT: Final = "/internal/docs"
_TEMPLATES: Final = Path(__file__).parent / "templates"
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def reference_routes(description: Json, prefix: str) -> list[Route]:
    """An index, a page a group, the refusals, and their style, of an API below `prefix`."""
    pages = _pages(description, prefix)
    style = (_TEMPLATES / "reference.css").read_text(encoding="utf-8")

    async def index(_request: Request) -> Response:
        return HTMLResponse(pages[""], headers=_HEADERS)

    async def page(request: Request) -> Response:
        found = pages.get(request.path_params["page"])
        if found is None:
            raise HTTPException(404)
        return HTMLResponse(found, headers=_HEADERS)

    async def css(_request: Request) -> Response:
        return Response(style, media_type="text/css", headers=_HEADERS)

    return [
        Route(ROOT, index, methods=["GET"]),
        Route(f"{ROOT}/reference.css", css, methods=["GET"]),
        Route(f"{ROOT}/{{page}}", page, methods=["GET"]),
    ]


def _pages(description: Json, prefix: str) -> dict[str, str]:
    """Every page by its name; all are made at the start: they change with the program alone."""
    groups = groups_of(description, prefix)
    render = _renderer(groups=groups, prefix=prefix)
    made = {group.slug: render("group.html", title=group.name, group=group) for group in groups}
    made["refusals"] = render("refusals.html", title="Refusals", codes=sorted(refusals().items()))
    about = description["info"]["description"]
    made[""] = render("index.html", title="Reference", about=about)
    return made


def _renderer(prefix: str, **shared: Any) -> Callable[..., str]:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals |= {
        "root": ROOT,
        "prefix": prefix,
        "description_at": f"{prefix}/openapi.json",
        **shared,
    }

    def render(template: str, **what: Any) -> str:
        return environment.get_template(template).render(what)

    return render
