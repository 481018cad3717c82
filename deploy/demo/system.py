"""The whole system and the sandbox as child processes, in a folder of their own."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.local.files import free_port
from shared.local.home import Home

ROOT: Final = Path(__file__).resolve().parents[2]
READY_SECONDS: Final = 90.0
STOP_SECONDS: Final = 25.0
# What would lead the demo to servers or accounts of somebody else.
FOREIGN: Final = (
    "DATABASE_URL", "DATABASE_POOLER", "DATABASE_POOL_SIZE", "REDIS_URL", "NOTAPONTE_HOME",
    "PUBLIC_WEBHOOK_URL", "PUBLIC_PANEL_URL", "PANEL_PROXIES", "INTERNAL_API_TOKEN", "SECRET_KEYS",
    "BIND_HOST", "LOG_LEVEL", "SMTP_URL", "SMTP_FROM", "OIDC_ISSUER",
)  # fmt: skip
# A month passes in a minute, so the accounts' limits are raised likewise.
HURRIED: Final = {
    "RECONCILE_EVERY": "5",
    "VINDI_REQUESTS_PER_MINUTE": "6000",
    "ISSUER_PARALLEL": "16",
    "ISSUER_REQUESTS_PER_SECOND": "200",
    "ISSUER_TIMEOUT": "10",
    "ISSUER_LOOKUP_WAITS": "1,2,3",
    "LOG_FORMAT": "json",
}


class ChildFailedError(Exception):
    """A child process ended, or was not ready in time; the text ends with its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Where everything listens. `token` opens the internal API."""

    home: Path
    webhook: str
    metrics: str  # of the webhook's processes
    panel: str
    internal: str
    control: str
    vindi: str  # with /api/v1
    enotas: str
    token: str


@asynccontextmanager
async def running_system() -> AsyncIterator[System]:
    """Run everything until the block ends; then no process and no folder is left.

    When the block fails, the logs are kept under build/.
    """
    home = Path(tempfile.mkdtemp(prefix="np-"))  # short: a socket's path has about 100 bytes
    metrics = free_port()
    try:
        async with (
            _child("services.sandbox", _sandbox_env(), home) as sandbox,
            _child("shared.ops", _up_env(home, sandbox, metrics), home, "up") as up,
        ):
            yield System(
                home=home,
                webhook=up["webhook"],
                metrics=f"http://127.0.0.1:{metrics}",
                panel=up["panel"],
                internal=up["internal"],
                control=sandbox["control"],
                vindi=sandbox["vindi"],
                enotas=sandbox["enotas"],
                token=Home(folder=home).internal_token(),
            )
    except Exception:
        keep_logs(home)
        raise
    finally:
        shutil.rmtree(home, ignore_errors=True)


def keep_logs(home: Path) -> Path:
    """Copy the logs to a folder of their own under build/, before the home goes."""
    kept = ROOT / "build" / f"demo-{home.name}"
    shutil.copytree(home / "logs", kept, dirs_exist_ok=True)
    for said in home.glob("*.err"):
        shutil.copy(said, kept)
    return kept


def _own_env() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def _sandbox_env() -> dict[str, str]:
    ports = ("SANDBOX_VINDI_PORT", "SANDBOX_ENOTAS_PORT", "SANDBOX_CONTROL_PORT")
    return _own_env() | dict.fromkeys(ports, "0")


def _up_env(home: Path, sandbox: Mapping[str, str], metrics: int) -> dict[str, str]:
    ports = ("WEBHOOK_PORT", "PANEL_PORT", "INTERNAL_PORT", "EMITTER_PORT")
    return {
        **_own_env(),
        **HURRIED,
        **{name: str(free_port()) for name in ports},
        "METRICS_PORT": str(metrics),
        "NOTAPONTE_HOME": str(home),
        "VINDI_URL_PRODUCTION": sandbox["vindi"],
        "VINDI_URL_SANDBOX": sandbox["vindi"],
        "ENOTAS_URL": sandbox["enotas"],
    }


@asynccontextmanager
async def _child(
    module: str, env: Mapping[str, str], home: Path, *arguments: str
) -> AsyncIterator[dict[str, str]]:
    """Run a module until the block ends; gives what its line `ready a=… b=…` says."""
    said = home / f"{module.rpartition('.')[2]}.err"
    with said.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, cwd=ROOT, env=dict(env),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=errors,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the children in order
        )  # fmt: skip
    try:
        yield await _ready(module, process, said)
    finally:
        await _stop(process)


async def _ready(module: str, process: asyncio.subprocess.Process, said: Path) -> dict[str, str]:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while process.stdout is not None and (line := await process.stdout.readline()):
                word, *pairs = line.decode().split()
                if word == "ready":
                    return dict(pair.split("=", 1) for pair in pairs)
    except TimeoutError:
        pass
    last = (await asyncio.to_thread(said.read_text, encoding="utf-8", errors="replace"))[-2000:]
    raise ChildFailedError(f"{module} did not become ready.\n{last}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
