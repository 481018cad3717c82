"""The units of deploy/systemd: taken by systemd, closed where they can be, true of our code."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.config.settings import EXIT_CODE
from shared.ops.up.programs import SERVICES

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
PYTHON = "/opt/notaponte/.venv/bin/python"
# How exposed a unit may be, as systemd counts it (0 to 10, by tens). `up` runs PostgreSQL, which
# shares memory and starts a process a connection.
EXPOSED = {
    "notaponte.service": 30,
    "notaponte@webhook.service": 20,
    "notaponte-migrate.service": 20,
}

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="there is no systemd to ask"
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The units as they would be on a machine whose Python is this one."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace(PYTHON, sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    (tmp_path / "notaponte@webhook.service").symlink_to(tmp_path / "notaponte@.service")
    return tmp_path


def settings_of(unit: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        if pair := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(pair[1], []).append(pair[2])
    return found


@needs_systemd
def test_systemd_takes_every_unit(here: Path) -> None:
    units = [str(here / name) for name in (*EXPOSED, "notaponte.target")]
    told = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", *units],
        check=False,
        capture_output=True,
        text=True,
    )
    ours = [line for line in told.stderr.splitlines() if "notaponte" in line]
    assert (told.returncode, ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize("unit", EXPOSED)
def test_units_are_closed_to_what_they_do_not_need(here: Path, unit: str) -> None:
    told = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=true", "--no-pager"),
            *(f"--threshold={EXPOSED[unit]}", str(here / unit)),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout.splitlines()[-1] if told.stdout else told.stderr


def test_the_target_wants_every_service_and_each_waits_for_the_migration() -> None:
    wanted = {f"notaponte@{service.name}.service" for service in SERVICES}
    assert set(settings_of("notaponte.target")["Wants"][0].split()) == wanted
    one = settings_of("notaponte@.service")
    assert one["ExecStart"] == [f"{PYTHON} -m services.%i"]
    assert "notaponte-migrate.service" in one["After"][0]
    assert one["Requires"] == ["notaponte-migrate.service"]
    assert settings_of("notaponte-migrate.service")["ExecStart"] == [
        f"{PYTHON} -m shared.ops migrate"
    ]


def test_what_a_person_has_to_mend_is_not_started_again_for_ever() -> None:
    for unit in ("notaponte.service", "notaponte@.service"):
        assert settings_of(unit)["RestartPreventExitStatus"] == [str(EXIT_CODE)]


def test_the_owners_address_is_read_by_the_unit_that_migrates_alone() -> None:
    files = "/etc/notaponte/migrate.env", "/etc/notaponte/common.env", "/etc/notaponte/%i.env"
    assert settings_of("notaponte-migrate.service")["EnvironmentFile"] == [files[0]]
    assert settings_of("notaponte@.service")["EnvironmentFile"] == [*files[1:]]
