"""How many processes `up` starts of a service, and what each is told."""

from pathlib import Path

import pytest

from shared.local.home import Home, open_home
from shared.ops.up.programs import (
    SERVICES,
    Program,
    clear_counts,
    counts_folder,
    render_config,
    service_programs,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home({"NOTAPONTE_HOME": str(tmp_path)})


def programs_of(name: str) -> list[Program]:
    return service_programs(next(one for one in SERVICES if one.name == name))


def test_emitters_share_what_an_issuer_key_takes_and_are_told_the_whole_of_it(home: Home) -> None:
    emitters = programs_of("emitter")
    assert [program.name for program in emitters] == ["emitter", "emitter-2"]
    assert "ISSUER" not in render_config("services", emitters, home)


def test_processes_of_a_service_have_names_and_one_command() -> None:
    webhooks = programs_of("webhook")
    assert [program.name for program in webhooks] == ["webhook", "webhook-2"]
    assert {program.command[-1] for program in webhooks} == {"services.webhook"}


def test_processes_that_share_a_port_count_together_and_each_up_begins_anew(home: Home) -> None:
    clear_counts(home, SERVICES)
    (counts_folder(home, "emitter") / "counter_1.db").write_bytes(b"of another run")
    clear_counts(home, SERVICES)

    told = render_config("services", programs_of("emitter"), home)

    assert told.count(f'environment=PROMETHEUS_MULTIPROC_DIR="{home.run}/counts/emitter"') == 2
    assert list(counts_folder(home, "emitter").iterdir()) == []
    assert "environment=" not in render_config("services", programs_of("reconciler"), home)
