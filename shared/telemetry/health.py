"""The three addresses every service answers: /healthz, /readyz and /metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.telemetry.metrics import metrics, through_a_proxy
from shared.telemetry.severity import severity
from shared.telemetry.version import __version__, commit

Check = Callable[[], Awaitable[None]]
CHECK_SECONDS: Final = 3.0  # below the time-out of the probes in deploy/k8s

log = structlog.get_logger()


class NotReadyError(Exception):
    """A check that cannot pass now; the text is shown to whoever asks, so it holds no secret."""


def health_routes(checks: Mapping[str, Check]) -> list[Route]:
    """Routes for liveness, readiness and metrics.

    Ready means that every check returns within CHECK_SECONDS; otherwise the answer is 503 with
    `{"status": "not_ready", "failed": {name: reason}}`. Alive means only that the process answers,
    so that a database that is down does not get every service restarted; it says which version and
    commit it is. Whoever comes through a
    proxy is told no more than that.
    """
    told = {"status": "ok", "version": __version__, "commit": commit()}

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"} if through_a_proxy(request) else told)

    async def readyz(request: Request) -> Response:
        if through_a_proxy(request):
            return Response(status_code=404)
        reasons = await asyncio.gather(*(_reason(name, check) for name, check in checks.items()))
        failed = {name: why for name, why in zip(checks, reasons, strict=True) if why}
        if failed:
            return JSONResponse({"status": "not_ready", "failed": failed}, status_code=503)
        return JSONResponse({"status": "ready"})

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]


async def _reason(name: str, check: Check) -> str | None:
    """Why a check fails, in words fit for strangers; None when it passes."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except NotReadyError as error:
        return str(error)
    except TimeoutError:
        return "no answer in time"
    except Exception as error:  # noqa: BLE001 - any failure means not ready; its text may tell too much
        log.log(severity(error), "readiness_check_failed", check=name, error=type(error).__name__)
        return "unreachable"
    return None
