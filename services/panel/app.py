from functools import partial
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from shared.config.settings import PanelSettings
from shared.service import make_app, open_stored

TEMPLATES: Final = Jinja2Templates(directory=Path(__file__).parent / "templates")
# The panel shows people's data: nothing foreign runs in it, nothing frames or keeps it.
SAFE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(settings: PanelSettings) -> Starlette:
    """The service as an app; what it works with is opened when its server starts."""
    return make_app(
        partial(open_stored, "panel", settings),
        routes=[Route("/", home), Route("/entrar", sign_in)],
    )


async def home(_request: Request) -> Response:
    return RedirectResponse("/entrar", status_code=303)


async def sign_in(request: Request) -> Response:
    return TEMPLATES.TemplateResponse(request, "entrar.html", headers=SAFE_HEADERS)
