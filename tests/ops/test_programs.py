"""How many processes `up` starts of a service, and what each is told."""

from pathlib import Path

import pytest

from shared.local.home import Home, open_home
from shared.ops.up.programs import SERVICES, Program, render_config, service_programs
from shared.ops.up.settings import LATER, service_environment


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home({"NOTAPONTE_HOME": str(tmp_path)})


def programs_of(name: str, home: Home, **settings: str) -> list[Program]:
    service = next(one for one in SERVICES if one.name == name)
    return service_programs(service, service_environment(settings | LATER, home))


@pytest.mark.parametrize(
    ("whole", "parts"), [("1", ["1"]), ("2", ["1", "1"]), ("4", ["2", "2"]), ("5", ["3", "2"])]
)
def test_requests_under_way_for_one_issuer_key_are_divided_among_emitters(
    home: Home, whole: str, parts: list[str]
) -> None:
    emitters = programs_of("emitter", home, ISSUER_PARALLEL=whole)
    assert [program.environment["ISSUER_PARALLEL"] for program in emitters] == parts
    told = render_config("services", emitters, home)
    assert [line for line in told.splitlines() if line.startswith("environment=")] == [
        f'environment=ISSUER_PARALLEL="{part}"' for part in parts
    ]


def test_processes_of_a_service_have_names_and_one_command(home: Home) -> None:
    webhooks = programs_of("webhook", home)
    assert [program.name for program in webhooks] == ["webhook", "webhook-2"]
    assert {program.command[-1] for program in webhooks} == {"services.webhook"}
    assert all(not program.environment for program in webhooks)
