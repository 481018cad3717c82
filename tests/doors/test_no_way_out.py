"""No address of ours leads to a host that the request itself names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.service import Resources, make_app
from tests.support.asgi import ask


@asynccontextmanager
async def never_opened() -> AsyncIterator[Resources]:
    raise AssertionError("nothing here begins a server")
    yield


@pytest.mark.parametrize("path", ["/metrics/", "/readyz/", "/healthz/", "//elsewhere.example/"])
async def test_a_slash_too_many_leads_nowhere(path: str) -> None:
    answer = await ask(make_app(never_opened), path, headers={"Host": "elsewhere.example"})

    assert answer.status == 404
    assert "location" not in answer.headers
