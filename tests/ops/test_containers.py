"""Containers: nothing to write to, no folder of their own, and only the settings they are given."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from shared.db.migrate import head_revision
from shared.local.files import free_port
from shared.local.postgres import OWNER, EmbeddedPostgres, running_postgres
from shared.ops.up.programs import SERVICES
from tests.ops.containers import (
    GIVEN,
    PATIENCE,
    Container,
    compose,
    compose_containers,
    migrate_job,
    placed,
    running,
    said,
)

OURS = {service.name for service in SERVICES}
CONDITIONS = {"service_healthy", "service_completed_successfully"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An empty PostgreSQL whose password is the operator's, a Redis, and an empty folder."""

    database: str
    redis: str
    folder: Path

    def put(self, container: Container, **settings: str) -> Container:
        return placed(container, database=self.database, redis=self.redis, **settings)

    async def said(
        self, container: Container, *verb: str, **settings: str
    ) -> tuple[int | None, str]:
        command = ("python", "-m", "shared.ops", *verb) if verb else container.command
        return await said(self.put(replace(container, command=command), **settings), self.folder)


@pytest.fixture
async def place(server_folder: Path, redis_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    tmp_path.chmod(0o555)
    home = server_folder / f"containers-{tmp_path.name}"
    home.mkdir()
    async with running_postgres(home) as server:
        await _take_password(server)
        yield Place(database=server.url(), redis=redis_url, folder=tmp_path)
        assert not list(tmp_path.iterdir()), "a container wrote into its folder"


async def _take_password(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(f"ALTER ROLE {OWNER} PASSWORD '{GIVEN['POSTGRES_PASSWORD']}'")
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def containers() -> dict[str, Container]:
    return {one.name: one for one in compose_containers()}


def test_compose_runs_every_service_after_the_migration(containers: dict[str, Container]) -> None:
    services = compose()["services"]

    assert set(containers) == OURS | {"migrate"}
    for name in OURS:
        assert containers[name].command == ("python", "-m", f"services.{name}")
        assert services[name]["depends_on"]["migrate"]["condition"] == (
            "service_completed_successfully"
        )
    for service in services.values():
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] in CONDITIONS
            assert wanted["condition"] != "service_healthy" or "healthcheck" in services[other]


def test_compose_publishes_the_ports_where_services_listen_on_this_machine_only(
    containers: dict[str, Container],
) -> None:
    published = {name: service.get("ports", []) for name, service in compose()["services"].items()}
    for service in SERVICES:
        port = service.load(containers[service.name].environment).process.port
        shown = [f"127.0.0.1:{port}:{port}"] if service.shown_as else []
        assert published[service.name] == shown
    assert not published["postgres"] + published["redis"] + published["migrate"]


def test_containers_of_ours_can_write_nowhere_and_may_do_nothing_more() -> None:
    for name in OURS | {"migrate"}:
        service = compose()["services"][name]
        assert service["read_only"]
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - in the container
        assert service["cap_drop"] == ["ALL"]


@pytest.mark.timeout(400)
async def test_compose_starts_and_its_commands_work_beside_it(
    place: Place, containers: dict[str, Container]
) -> None:
    migrate, reconciler = containers["migrate"], containers["reconciler"]
    assert await place.said(migrate) == (0, f"The database is at {head_revision()}.\n")

    ports = {service.port_setting: str(free_port()) for service in SERVICES}
    ports["METRICS_PORT"] = str(free_port())
    async with AsyncExitStack() as stack:
        started = {
            service: await stack.enter_async_context(
                running(place.put(containers[service.name], **ports), place.folder)
            )
            for service in SERVICES
        }
        for service in SERVICES:
            await _ready(int(ports[service.private_setting or service.port_setting]))

        code, words = await place.said(reconciler, "rotate-keys")
        assert code == 0, words
        asked = ("--tenant", "tnobody0000")
        for verb in (
            ("backfill", *asked, "--since", "2026-01-01"),
            ("closing", *asked, "--month", "2026-10"),
        ):
            code, words = await place.said(reconciler, *verb, **ports)
            assert code in {1, 2}
            assert "tenant_unknown" in words
            assert "Traceback" not in words

        for process in started.values():
            process.send_signal(signal.SIGTERM)
        for process in started.values():
            log, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode in {0, -signal.SIGTERM}
            assert not complaints(log.decode())


async def test_a_job_of_kubernetes_migrates(place: Place) -> None:
    assert await place.said(migrate_job()) == (0, f"The database is at {head_revision()}.\n")


async def test_what_is_not_given_is_named_and_nothing_is_made_in_its_stead(
    place: Place, containers: dict[str, Container]
) -> None:
    reconciler = containers["reconciler"]
    asked = ("closing", "--tenant", "tnobody0000", "--month", "2026-10")

    for verb, setting in (
        (("migrate",), "DATABASE_URL"),
        (("rotate-keys",), "SECRET_KEYS"),
        (asked, "INTERNAL_API_TOKEN"),
    ):
        code, words = await place.said(reconciler, *verb, **{setting: ""})
        assert code == 2
        assert f"{setting} is missing." in words

    code, words = await place.said(reconciler, "up", NOTAPONTE_HOME="/dev/null/home")
    assert code == 2
    assert "NOTAPONTE_HOME" in words
    assert "Traceback" not in words


def complaints(log: str) -> list[str]:
    levels = {"debug", "info"}
    return [line for line in log.splitlines() if json.loads(line)["level"] not in levels]


async def _ready(port: int) -> None:
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
