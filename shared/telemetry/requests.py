"""Every line that is logged about a request carries the request's id; its answer tells the id."""

import re
import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

HEADER: Final = "X-Request-Id"
# What a caller says is taken as it is only where it cannot be anything else: a UUID, a ULID, hex.
# Ten digits and more alone could be somebody's document.
SAID: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]{8,64}")


class RequestIds:
    """ASGI middleware that binds `request_id` during a request: the caller's, or a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = Headers(scope=scope).get(HEADER, "")
        request_id = said if SAID.fullmatch(said) else secrets.token_hex(16)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with bound_contextvars(request_id=request_id):
            await self.app(scope, receive, tell)
