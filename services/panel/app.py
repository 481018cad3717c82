"""The panel as an ASGI app: pages made on the server, each a line of a table."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.panel.kit.assets import PREFIX, asset
from services.panel.kit.cookies import Jar
from services.panel.kit.headers import NOT_KEPT, SAFE, SafeHeaders
from services.panel.kit.page import PanelPage
from services.panel.kit.render import render
from services.panel.kit.serve import routes
from services.panel.pages import (
    account,
    activation,
    addresses,
    attention,
    audit_log,
    bulk,
    closing,
    closing_accepted,
    closing_files,
    codes,
    departures,
    door,
    hooks,
    leaving,
    limits,
    other_door,
    overview,
    past,
    people,
    privacy,
    rps,
    rule,
    sale,
    sales,
    sales_files,
    sample,
    saved_filters,
    settings,
    shadow,
    support,
    tokens,
)
from services.panel.resources import open_resources
from shared.config.settings import PanelSettings
from shared.service import make_app

log = structlog.get_logger()

# A module a page; where two addresses fit, the one that stands first is taken.
_MODULES: Final = (
    door,
    other_door,
    account,
    overview,
    attention,
    sales,
    sales_files,
    saved_filters,
    bulk,
    sale,
    rule,
    codes,
    departures,
    activation,
    addresses,
    hooks,
    sample,
    shadow,
    settings,
    people,
    privacy,
    leaving,
    audit_log,
    closing,
    closing_accepted,
    closing_files,
    past,
    limits,
    rps,
    support,
    tokens,
)
_PACKED: Final = 5  # a third less work than 9 for pages that are a fiftieth longer
PAGES: Final[Sequence[PanelPage]] = tuple(chain.from_iterable(module.PAGES for module in _MODULES))


def create_app(settings: PanelSettings) -> Starlette:
    """The service as an app; what it works with is opened when its server starts."""
    encrypted = settings.public_url.startswith("https://")
    return make_app(
        partial(open_resources, settings),
        routes=[
            Route(f"{PREFIX}/{{name}}", asset),
            *routes(PAGES, Jar(encrypted=encrypted)),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
        middleware=[
            Middleware(SafeHeaders, encrypted=encrypted),
            Middleware(GZipMiddleware, minimum_size=800, compresslevel=_PACKED),
        ],
    )


async def _refuse(_request: Request, error: Exception) -> Response:
    """Unknown addresses, and what the framework itself refuses."""
    if not isinstance(error, HTTPException):
        raise error
    what = "not_there" if error.status_code == 404 else "method"
    response = render("erro.html", {"what": what}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _fail(request: Request, error: Exception) -> Response:
    """A bug: told to us in full by the server's log, to the person in two lines."""
    log.error("panel_failed", error=type(error).__name__)
    typed = getattr(request.state, "sent_again", None)
    response = render("erro.html", {"what": "ours", "typed": typed}, 500)
    # It is sent outside of the middleware that makes every other answer safe.
    response.headers.update({**SAFE, "Cache-Control": NOT_KEPT})
    return response
