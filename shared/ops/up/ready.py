"""Whether all that `up` started is ready, and stays."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final

from shared.local.files import LOOPBACK
from shared.local.home import Home
from shared.ops.up.processes import listens
from shared.ops.up.said import say
from shared.ops.up.settings import Ports
from shared.ops.up.supervisor import Supervisor
from shared.ops.up.timeline import Timeline

ASK_SECONDS: Final = 0.05
ANSWER_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 20.0  # then a person is told what is being waited for
STEADY_SECONDS: Final = 1.0  # so long the same processes must have run before all is called ready


async def all_ready(
    supervisors: Sequence[Supervisor],
    places: Mapping[str, Ports],
    home: Home,
    timeline: Timeline,
) -> dict[str, int]:
    """Return once every program is up and has stayed up, with the process of each.

    `places` has the ports of each of our programs. A port answers as soon as one of those that
    share it is ready, so each process is looked at by itself.
    """
    while True:
        await asyncio.gather(
            *(
                _program_ready(supervisors, name, ports, home, timeline)
                for name, ports in places.items()
            )
        )
        before = await asyncio.to_thread(running_now, supervisors)
        await asyncio.sleep(STEADY_SECONDS)
        if before == await asyncio.to_thread(running_now, supervisors):
            return before


def running_now(supervisors: Sequence[Supervisor]) -> dict[str, int]:
    """The process of every program that runs now."""
    return {name: pid for supervisor in supervisors for name, pid in supervisor.running().items()}


async def _program_ready(
    supervisors: Sequence[Supervisor],
    name: str,
    ports: Ports,
    home: Home,
    timeline: Timeline,
) -> None:
    loop = asyncio.get_running_loop()
    tell_at = loop.time() + PATIENCE_SECONDS
    while not await asyncio.to_thread(_is_ready, supervisors, name, ports):
        if loop.time() > tell_at:
            say(f"still waiting for {name}; see {home.logs / name}.log")
            tell_at += PATIENCE_SECONDS
        await asyncio.sleep(ASK_SECONDS)
    timeline.done(f"{name} is ready")


def _is_ready(supervisors: Sequence[Supervisor], name: str, ports: Ports) -> bool:
    return _says_ready(ports.private) and _is_up(supervisors, name, ports)


def _is_up(supervisors: Sequence[Supervisor], name: str, ports: Ports) -> bool:
    pid = running_now(supervisors).get(name)
    return pid is not None and listens(pid, ports.public) and listens(pid, ports.private)


def _says_ready(port: int) -> bool:
    with closing(HTTPConnection(LOOPBACK, port, timeout=ANSWER_SECONDS)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
