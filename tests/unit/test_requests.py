"""A request has one id: in its answer, and in every line that is logged about it."""

import io
import json

import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.telemetry.logs import configure_logs
from shared.telemetry.requests import HEADER, RequestIds
from tests.support.asgi import ask


async def told(_request: Request) -> Response:
    structlog.get_logger().info("something_happened")
    return PlainTextResponse("ok")


APP = Starlette(routes=[Route("/", told)], middleware=[Middleware(RequestIds)])


async def id_of(said: str | None) -> tuple[str, str]:
    """The id that the answer tells, and the one that was logged."""
    stream = io.StringIO()
    configure_logs("test", level="info", format="json", stream=stream)
    answer = await ask(APP, "/", headers={HEADER: said} if said is not None else {})
    [line] = map(json.loads, stream.getvalue().splitlines())
    return answer.headers[HEADER.lower()], line["request_id"]


async def test_a_callers_id_is_kept() -> None:
    said = "0b7d6c1e-3f0a-4b7e-9a52-2f8f3c1d9e10"
    assert await id_of(said) == (said, said)


@pytest.mark.parametrize(
    "said", [None, "", "short", "a" * 65, "12345678909", "Maria da Silva Souza", "x\ty" * 5]
)
async def test_what_is_no_id_is_not_logged(said: str | None) -> None:
    answered, logged = await id_of(said)
    assert answered == logged
    assert len(answered) == 32
    assert answered != said


async def test_after_a_request_its_id_is_forgotten() -> None:
    first, _ = await id_of(None)
    second, _ = await id_of(None)
    assert first != second
    assert "request_id" not in structlog.contextvars.get_contextvars()
