"""What long-lived processes load: each library costs every one of them memory, all day."""

import subprocess
import sys

import pytest

from shared.ops.up.programs import ROOT, SERVICES

SERVICE = [f"services.{service.name}.__main__" for service in SERVICES]
MIGRATING = ["alembic", "mako", "sqlalchemy"]
# `up` keeps programs running, and asks of them no more than whether they are ready.
SERVING = ["aiohttp", "arq", "jinja2", "pydantic", "supervisor", "uvicorn", "services"]


@pytest.mark.parametrize(
    ("loaded", "spared"),
    [
        (SERVICE, MIGRATING),
        (["shared.ops.commands", "shared.ops.up.command"], [*MIGRATING, *SERVING]),
        (["shared.ops.up.supervisord"], [*MIGRATING, *SERVING[:4], "asyncpg", "prometheus_client"]),
    ],
    ids=["services", "up", "supervisor"],
)
def test_what_is_needed_once_or_elsewhere_is_not_loaded(
    loaded: list[str], spared: list[str]
) -> None:
    ask = f"import sys, {', '.join(loaded)}; print(*set({spared}) & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout.split() == []
