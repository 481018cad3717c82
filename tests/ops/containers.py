"""What deploy/compose.yaml starts, as Docker reads it, and running that without Docker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deploy.compose_check import read_compose
from deploy.render import K8S, render
from shared.db.logins import LOGINS
from shared.local.home import new_secret_key
from tests.ops.image import image_environment, jailed, why_no_jail

PATIENCE = 90.0

# What an operator puts into the environment beside the file.
GIVEN = {
    "SECRET_KEYS": new_secret_key(),
    "INTERNAL_API_TOKEN": "a-token-of-the-operator",
    "POSTGRES_PASSWORD": "made by hand: /@%?#",
    "SERVICES_PASSWORD": "of the services: '@%?#\\",
    "PANEL_PASSWORD": "of the panel alone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A command of ours and the settings it is given, Dockerfile's included."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def compose() -> dict[str, Any]:
    """The file with every variable filled in; KeyError names one that nobody gives."""
    return read_compose(GIVEN)


def compose_containers() -> list[Container]:
    return [
        Container(
            name=name,
            command=tuple(service["command"]),
            environment=image_environment() | service["environment"],
        )
        for name, service in compose()["services"].items()
        if "build" in service
    ]


def migrate_job() -> Container:
    """The Job of the production overlay, with the Secret that its operator makes: an address."""
    manifests = render(K8S / "overlays" / "production")
    job = next(one for one in manifests if one["kind"] == "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "migrate"}}]
    given = next(one.environment for one in compose_containers() if one.name == "migrate")
    return Container(
        name="migrate-job",
        command=tuple(container["command"]),
        environment={
            **image_environment(),
            **{name: given[name] for name in ("DATABASE_URL", "PGPASSWORD", *LOGINS)},
        },
    )


def placed(container: Container, *, database: str, redis: str, **settings: str) -> Container:
    """The same container beside servers on this machine, on ports of its own."""
    theirs = urlsplit(container.environment["DATABASE_URL"])
    ours = urlsplit(database)
    user = theirs.netloc.rpartition("@")[0]
    address = theirs._replace(netloc=f"{user}@{ours.hostname}:{ours.port}")
    moved = {"DATABASE_URL": urlunsplit(address), "BIND_HOST": "127.0.0.1"}
    if "REDIS_URL" in container.environment:
        moved["REDIS_URL"] = redis
    return Container(
        name=container.name,
        command=container.command,
        environment={**container.environment, **moved, **settings},
    )


@asynccontextmanager
async def running(container: Container, image: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run its command as the image would, with its own settings and no others.

    In a jail where one can be made; else from the image's folders, in one that nobody may write to.
    """
    jail = why_no_jail() is None
    python, *rest = container.command
    assert python == "python"
    command = jailed(image, container.command) if jail else [str(image / "venv/bin/python"), *rest]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=image / "app",
        env={**image_environment(), **container.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(container: Container, image: Path) -> tuple[int | None, str]:
    """Its exit code and all it said, once it has ended by itself."""
    async with running(container, image) as process:
        words, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, words.decode()
