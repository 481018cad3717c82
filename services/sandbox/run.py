"""Starts the stand-ins, for tests in the same process or for `python -m services.sandbox`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.sandbox.clock import Clock
from services.sandbox.control import ControlApp
from services.sandbox.courier import Courier
from services.sandbox.enotas.app import EnotasApp
from services.sandbox.enotas.world import EnotasWorld
from services.sandbox.vindi.app import VindiApp
from services.sandbox.vindi.world import VindiWorld
from services.sandbox.wire import LOOPBACK, asgi, serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Running stand-ins: where they listen, and their worlds for scripting without HTTP."""

    vindi_url: str  # with /api/v1
    enotas_url: str  # before /v1
    control_url: str
    clock: Clock
    courier: Courier
    vindi: VindiWorld
    enotas: EnotasWorld

    async def settle(self) -> None:
        """Wait until everything due on the clock, and every delivery due, has happened."""
        await self.courier.settle()


@contextlib.asynccontextmanager
async def running_sandbox(
    *, vindi_port: int = 0, enotas_port: int = 0, control_port: int = 0,
    clock: Clock | None = None, host: str = LOOPBACK,
) -> AsyncIterator[Sandbox]:  # fmt: skip
    """Run the stand-ins until the block ends, on 127.0.0.1 unless told; port 0 takes a free one."""
    clock = clock or Clock()
    courier = Courier(clock)
    vindi, enotas = VindiWorld(clock, courier), EnotasWorld(clock, courier)
    control = ControlApp(clock, courier, vindi, enotas)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(courier.close)
        vindi_base = await stack.enter_async_context(
            serving(asgi(VindiApp(vindi).handle), port=vindi_port, host=host)
        )
        enotas_base = await stack.enter_async_context(
            serving(asgi(EnotasApp(enotas).handle), port=enotas_port, host=host)
        )
        control_base = await stack.enter_async_context(
            serving(
                asgi(control.handle), port=control_port
            )  # whoever reaches this rules it: this machine only
        )
        agenda = asyncio.create_task(clock.run())
        try:
            yield Sandbox(
                vindi_url=f"{vindi_base}/api/v1", enotas_url=enotas_base,
                control_url=control_base, clock=clock, courier=courier, vindi=vindi,
                enotas=enotas,
            )  # fmt: skip
        finally:
            agenda.cancel()
            await asyncio.gather(agenda, return_exceptions=True)
