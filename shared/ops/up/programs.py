"""What runs under supervision, and supervisord's configuration for it."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from shared.config.settings import (
    EmitterSettings,
    PanelSettings,
    ReconcilerSettings,
    WebhookSettings,
    load_emitter,
    load_panel,
    load_reconciler,
    load_webhook,
)
from shared.local.home import Home
from shared.local.postgres import EmbeddedPostgres
from shared.local.redis import EmbeddedRedis
from shared.telemetry.counts_folder import FOLDER

ROOT: Final = Path(__file__).resolve().parents[3]  # where `python -m services.…` is understood

AnySettings = WebhookSettings | PanelSettings | ReconcilerSettings | EmitterSettings
UpPart = Literal["servers", "services"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OurService:
    """One of our services: how to read its settings, and the word for its address."""

    name: str
    load: Callable[[Mapping[str, str]], AnySettings]
    port_setting: str
    shown_as: str | None  # the word in the line `ready …`; None is not shown
    processes: int = 1  # on one port, which the kernel deals connections out of
    private_setting: str | None = None  # of the port for readiness and metrics, if it has one


# One process spends its whole core while the database and the other core still have room
# (make bench). Emitters share work by lease.
WEBHOOK_PROCESSES: Final = 2
EMITTER_PROCESSES: Final = 2

SERVICES: Final = (
    OurService(
        name="webhook",
        load=load_webhook,
        port_setting="WEBHOOK_PORT",
        shown_as="webhook",
        private_setting="METRICS_PORT",
        processes=WEBHOOK_PROCESSES,
    ),
    OurService(name="panel", load=load_panel, port_setting="PANEL_PORT", shown_as="panel"),
    OurService(
        name="reconciler", load=load_reconciler, port_setting="INTERNAL_PORT", shown_as="internal"
    ),
    OurService(
        name="emitter",
        load=load_emitter,
        port_setting="EMITTER_PORT",
        shown_as=None,
        processes=EMITTER_PROCESSES,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A process to keep running; after `patience` seconds of its stop signal it is killed."""

    name: str
    command: Sequence[str]
    stop_signal: Literal["TERM", "INT"] = "TERM"
    patience: int
    account: str | None = None
    counts: str | None = None  # whose counts it shows as one, where several share a port


def service_programs(service: OurService) -> list[Program]:
    """The processes of a service: `webhook`, `webhook-2`. All are told the same."""
    return [
        Program(
            name=f"{service.name}-{number}" if number > 1 else service.name,
            command=(sys.executable, "-m", f"services.{service.name}"),
            # One second more than a service takes to finish its requests (telemetry.serve).
            patience=6,
            counts=service.name if service.processes > 1 else None,
        )
        for number in range(1, service.processes + 1)
    ]


def postgres_program(server: EmbeddedPostgres) -> Program:
    return Program(
        name="postgres",
        command=server.command(),
        stop_signal="INT",  # fast shutdown: it does not wait for clients
        patience=4,
        account=server.account,
    )


def redis_program(server: EmbeddedRedis) -> Program:
    return Program(name="redis", command=server.command(), patience=3)


def render_config(part: UpPart, programs: Sequence[Program], home: Home) -> str:
    """Configuration for supervisord: everything is started, and started again for ever.

    `startsecs=0` counts a program as started at once, which leaves out supervisord's growing
    pauses and its giving up after some tries: what dies is back within a second or two.
    """
    # One group: supervisord stops its groups one after another, a group's programs together.
    together = _section(f"group:{part}", {"programs": ",".join(p.name for p in programs)})
    sections = (_program(program, home) for program in programs)
    return "\n".join([_supervisord(part, home), *sections, together])


def _supervisord(part: UpPart, home: Home) -> str:
    options = {
        "nodaemon": "true",
        "silent": "true",
        "logfile": _plain(home.logs / f"supervisor-{part}.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "2",
        "pidfile": _plain(home.run / f"supervisor-{part}.pid"),
    }
    if os.geteuid() == 0:
        options["user"] = "root"
    return _section("supervisord", options)


def _program(program: Program, home: Home) -> str:
    options = {
        "command": _plain(shlex.join(program.command)),
        "directory": "/" if program.account else _plain(ROOT),
        "autorestart": "true",
        "startsecs": "0",
        "startretries": "1000000",
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(program.patience),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": _plain(home.logs / f"{program.name}.log"),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "5",
    }
    if program.counts:
        folder = counts_folder(home, program.counts)
        options["environment"] = f'{FOLDER}="{_plain(folder)}"'
    if program.account:
        options["user"] = program.account
    return _section(f"program:{program.name}", options)


def counts_folder(home: Home, service: str) -> Path:
    """Where the processes of a service keep what /metrics shows of them together."""
    return home.run / "counts" / service


def clear_counts(home: Home, services: Sequence[OurService]) -> None:
    """Begin to count anew: what processes of another run counted is not told as ours."""
    shutil.rmtree(home.run / "counts", ignore_errors=True)
    for service in services:
        counts_folder(home, service.name).mkdir(mode=0o700, parents=True)


def _section(name: str, options: Mapping[str, str]) -> str:
    lines = [f"{key}={value}" for key, value in options.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _plain(value: object) -> str:
    """Keep supervisord from expanding a % in a path."""
    return str(value).replace("%", "%%")
