"""`python -m services.sandbox`: the stand-ins for Vindi and eNotas, until SIGTERM."""

import asyncio
import os
import signal
import sys

import uvloop

from services.sandbox.run import running_sandbox
from services.sandbox.wire import LOOPBACK


def _port(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        sys.exit(f"{name} must be a port number, not {text!r}")
    return int(text)


async def _main() -> None:
    vindi = _port("SANDBOX_VINDI_PORT", 8090)
    enotas = _port("SANDBOX_ENOTAS_PORT", 8091)
    control = _port("SANDBOX_CONTROL_PORT", 8092)
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    async with running_sandbox(
        vindi_port=vindi,
        enotas_port=enotas,
        control_port=control,
        host=os.environ.get("SANDBOX_HOST") or LOOPBACK,
    ) as sandbox:
        urls = f"vindi={sandbox.vindi_url} enotas={sandbox.enotas_url}"
        sys.stdout.write(f"ready {urls} control={sandbox.control_url}\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    uvloop.run(_main())
