import asyncio

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from shared.telemetry import health
from shared.telemetry.health import Check, NotReadyError, health_routes
from shared.telemetry.metrics import RequestMetrics
from tests.support.asgi import ask


def app(**checks: Check) -> ASGIApp:
    return RequestMetrics(Starlette(routes=health_routes(checks)))


async def passes() -> None:
    pass


async def knows_why() -> None:
    raise NotReadyError("schema at 0001, not at 0002")


async def breaks() -> None:
    raise ConnectionError("user:password@db refused")


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_a_service_whose_checks_pass_is_ready() -> None:
    answer = await ask(app(database=passes), "/readyz")

    assert (answer.status, answer.json()) == (200, {"status": "ready"})


async def test_a_service_that_is_not_ready_names_what_failed_and_tells_no_secret() -> None:
    answer = await ask(app(schema=knows_why, database=breaks, redis=passes), "/readyz")

    assert answer.status == 503
    assert answer.json()["failed"] == {
        "schema": "schema at 0001, not at 0002",
        "database": "unreachable",
    }


async def test_a_check_that_hangs_counts_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)

    assert (await ask(app(database=hangs), "/readyz")).json()["failed"] == {
        "database": "no answer in time"
    }


async def test_a_service_is_alive_even_when_its_database_is_not() -> None:
    assert (await ask(app(database=breaks), "/healthz")).status == 200


async def test_metrics_count_requests_by_handler_and_never_by_path() -> None:
    asked = app(database=passes)
    await ask(asked, "/healthz")
    await ask(asked, "/v1/vindi/s3cr3t")

    text = (await ask(asked, "/metrics")).body.decode()

    assert 'notaponte_http_requests_total{handler="healthz",method="GET",status="200"}' in text
    assert "s3cr3t" not in text
