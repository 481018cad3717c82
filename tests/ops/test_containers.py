"""Containers: nothing to write to, no folder of their own, and only the settings they are given."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deploy.compose_check import compose_problems
from shared.config.env import SettingsError
from shared.db.revision import head_revision
from shared.local.postgres import running_postgres
from shared.ops.up.programs import SERVICES
from tests.ops.composed import Composed, Machine, composed, take_password
from tests.ops.containers import (
    PATIENCE,
    Container,
    compose,
    compose_containers,
    migrate_job,
    placed,
    said,
)

OURS = {service.name for service in SERVICES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An empty PostgreSQL whose password is the operator's, a Redis, and the image."""

    database: str
    redis: str
    image: Path

    def put(self, container: Container, **settings: str) -> Container:
        return placed(container, database=self.database, redis=self.redis, **settings)

    async def said(
        self, container: Container, *verb: str, **settings: str
    ) -> tuple[int | None, str]:
        command = ("python", "-m", "shared.ops", *verb) if verb else container.command
        return await said(self.put(replace(container, command=command), **settings), self.image)


@pytest.fixture
async def place(
    server_folder: Path, redis_url: str, tmp_path: Path, image: Path
) -> AsyncIterator[Place]:
    before = sorted(image.rglob("*"))
    home = server_folder / f"containers-{tmp_path.name}"
    home.mkdir()
    async with running_postgres(home) as server:
        await take_password(server)
        yield Place(database=server.url(), redis=redis_url, image=image)
        assert sorted(image.rglob("*")) == before, "a container wrote into its image"


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


def test_compose_takes_the_file_and_can_start_all_of_it() -> None:
    assert compose_problems(compose()) == []


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (("services", "webhook", "comand"), ["x"], "comand"),
        (("services", "webhook", "restart"), "sometimes", "restart"),
        (("services", "webhook", "ports"), ["8080:8080"], "ports"),
        (("services", "panel", "ports"), ["127.0.0.1:8080:8081"], "two services publish one port"),
        (("services", "redis", "healthcheck"), None, "redis"),
        (("services", "migrate", "restart"), "always", "started again"),
        (("services", "migrate", "depends_on", "webhook"), {"condition": "service_started"}, "its"),
        (("services", "webhook", "networks"), ["elsewhere"], "no network elsewhere"),
        (("volumes",), {}, "no volume"),
    ],
)
def test_what_compose_would_refuse_is_found(
    place: tuple[str, ...], value: object, problem: str
) -> None:
    loaded = compose()
    inner = loaded
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value

    assert problem in " ".join(compose_problems(loaded))


def test_each_container_is_given_the_secrets_it_cannot_start_without_and_no_others(
    containers: dict[str, Container],
) -> None:
    secrets = {"SECRET_KEYS", "INTERNAL_API_TOKEN", "PGPASSWORD"}
    for service in SERVICES:
        given = containers[service.name].environment
        service.load(given)
        for name in secrets & set(given) - {"PGPASSWORD"}:
            with pytest.raises(SettingsError, match=f"{name} is missing"):
                service.load({key: value for key, value in given.items() if key != name})
    assert secrets & set(containers["migrate"].environment) == {"PGPASSWORD"}


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
async def test_compose_starts_in_its_order_and_its_commands_work_beside_it(
    server_folder: Path, tmp_path: Path, image: Path, containers: dict[str, Container]
) -> None:
    before = sorted(image.rglob("*"))
    folder = server_folder / f"composed-{tmp_path.name}"
    folder.mkdir()
    machine = Machine(image=image, folder=folder, containers=containers)
    async with composed(compose()["services"], machine) as system:
        assert set(system.order[:2]) == {"postgres", "redis"}
        assert system.order[2] == "migrate"
        assert set(system.order[3:]) == OURS

        code, words = await said(_verb(system, "rotate-keys"), image)
        assert code == 0, words
        asked = ("--tenant", "tnobody0000")
        for verb in (
            ("backfill", *asked, "--since", "2026-01-01"),
            ("closing", *asked, "--month", "2026-10"),
        ):
            code, words = await said(_verb(system, *verb), image)
            assert code in {1, 2}
            assert "tenant_unknown" in words
            assert "Traceback" not in words

        started = [system.processes[name] for name in OURS]
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            log, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode in {0, -signal.SIGTERM}
            assert not complaints(log.decode())
    assert sorted(image.rglob("*")) == before, "a container wrote into its image"


def _verb(system: Composed, *verb: str) -> Container:
    return replace(system.put("reconciler"), command=("python", "-m", "shared.ops", *verb))


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
