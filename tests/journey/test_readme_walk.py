"""The README's walk with stand-ins, typed as it stands, up to the nota and its cancellation."""

import asyncio
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from services.sandbox.run import Sandbox, running_sandbox
from tests.ops.running_up import RunningUp, started_whole_up
from tests.support.typed import ROOT, Typed, pieces

README = ROOT / "README.md"
PATIENCE = 60  # a fifth of it on a quiet machine
STATUS = 'curl -sH "$AUTH" $T/sales/1 | field status'


@pytest.fixture
def walk() -> list[Typed]:
    """The fences of the walk's section: the first terminal, the second, the third."""
    text = README.read_text("utf-8")
    first = text.count("\n", 0, text.index("## A walk through it"))
    last = text.count("\n", 0, text.index("## The flow"))
    return [one for one in pieces([README]) if one.language == "sh" and first < one.line < last]


@pytest.fixture
def home(server_folder: Path, tmp_path: Path) -> Path:
    return server_folder / tmp_path.name


async def test_the_walk_ends_with_a_nota_and_then_with_its_cancellation(
    walk: list[Typed], home: Path
) -> None:
    first, second, third = walk
    assert first.text.split()[:2] == ["make", "sandbox"]
    settings = dict(word.split("=", 1) for word in second.text.splitlines()[1].split()[:-2])
    assert second.text.split()[-2:] == ["make", "up"]
    assert settings.pop("NOTAPONTE_HOME") in third.text
    refund = next(
        one.text
        for one in pieces([README])
        if one.text.startswith("curl $C/vindi/accounts/1/refund")
    )

    async with running_sandbox() as sandbox:
        given = {name: here(value, sandbox) for name, value in settings.items()}
        async with started_whole_up(home, **given) as up:
            assert (await up.ready_line()).startswith("ready webhook=")
            steps, pause, look = third.text.partition("sleep 10\n")
            assert pause
            issued = until("issued") + look
            cancelled = f"{refund} >/dev/null\n{until('cancelled')}"

            told = await typed(here(steps + issued + cancelled, sandbox, up), home)

    assert told.splitlines()[:2] == ["active", "1"]
    assert "\nissued\n{\n" in told
    assert '"timeline": [' in told
    assert told.endswith("cancelled\n")


def until(status: str) -> str:
    """In the place of a wait that a slow machine may overrun."""
    return f'until [ "$({STATUS})" = {status} ]; do sleep 0.2; done\n{STATUS}\n'


def here(text: str, sandbox: Sandbox, up: RunningUp | None = None) -> str:
    """What is written for the usual ports, for those of this test."""
    ports = {
        8090: sandbox.vindi_url.removesuffix("/api/v1"),
        8091: sandbox.enotas_url,
        8092: sandbox.control_url,
    }
    if up is not None:
        ports[8082] = f"http://127.0.0.1:{up.ports['INTERNAL_PORT']}"
        text = text.replace("build/walk", str(up.home.folder))
    for port, url in ports.items():
        text = text.replace(f"http://127.0.0.1:{port}", url)
    return re.sub(r"\.venv/bin/python\b", shlex.quote(sys.executable), text)


async def typed(commands: str, folder: Path) -> str:
    """Type them into one shell, which stops at the first that fails; what it printed."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", commands),
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, wrong = await asyncio.wait_for(shell.communicate(), PATIENCE)
    except TimeoutError:
        shell.kill()
        pytest.fail(f"it has not come to its end: {await shell.communicate()}")
    assert shell.returncode == 0, wrong.decode()
    return told.decode()
