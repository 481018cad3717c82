"""Commands beside an internal API that hangs or is away say what they wait for, and end."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from rich.console import Console

from shared.api_client.models import BackfillNew, ErasureIn
from shared.local.backup import BackupError
from shared.local.files import free_port
from shared.local.home import open_home, resting
from shared.ops.backfill import run_backfill
from shared.ops.backup import run_restore, run_restored
from shared.ops.closing import run_closing
from shared.ops.erase import run_erasure
from tests.ops.test_words import said
from tests.support.scripted_server import Asked, ScriptedServer, answer, serving

TOKEN = "a-token-of-a-test"
DRY: BackfillNew = {"since": "2026-01-01", "dry_run": True, "competencia": "original",
                    "requested_by": "ana", "reason": "test"}  # fmt: skip
ERASE: ErasureIn = {"customer_id": 901, "ticket": "DESK-18", "reason": "pedido do titular"}
QUEUED = {"id": "b1"}
RUNNING: dict[str, Any] = {"id": "b1", "status": "running", "error": None, "eta_seconds": None,
                           "bills_read": 7, "bills_total": 20}  # fmt: skip
ERASURE: dict[str, Any] = {"id": "e1", "ticket": "DESK-18", "status": "running", "erased": {},
                           "kept": []}  # fmt: skip


@pytest_asyncio.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedServer]:
    """An internal API that takes its time; commands have less patience than usual."""
    timeout = aiohttp.ClientTimeout(total=1)
    monkeypatch.setattr("shared.ops.internal_api.TIMEOUT", timeout)
    for name, seconds in (
        ("TELL_EVERY", 0.2), ("AWAY_FOR", 1.0), ("LOOK_AGAIN", 0.1), ("LOOK_TAKES", 1.0)
    ):  # fmt: skip
        monkeypatch.setattr(f"shared.ops.waiting.{name}", seconds)
    for command in ("backfill", "closing", "erase"):
        monkeypatch.setattr(f"shared.ops.{command}.LOOK_EVERY", 0.05)
    async with serving() as server:
        server.otherwise = hang
        yield server


async def hang(asked: Asked) -> web.StreamResponse:
    await asyncio.sleep(60)
    return answer({})


def beside(server: ScriptedServer) -> dict[str, str]:
    return {"INTERNAL_URL": server.url, "INTERNAL_API_TOKEN": TOKEN}


def a_console() -> Console:
    return Console(file=io.StringIO(), width=100)


async def test_a_closing_that_is_not_answered_is_told_of_and_ends(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await run_closing(beside(server), "tenant", "2026-10", a_console())

    told = capsys.readouterr().err
    assert code == 2
    assert told.count("waiting for the closing of the month") >= 2
    assert "make doctor" in told


async def test_a_backfill_that_was_taken_goes_on_where_nobody_answers_any_more(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will(answer(QUEUED), answer(RUNNING), answer({"code": "x"}, status=503))

    code = await run_backfill(beside(server), "tenant", DRY, a_console())

    told = capsys.readouterr().err
    assert code == 1
    assert "waiting for the internal API, which is away" in told
    assert "the internal API has not answered for" in told
    assert "b1 goes on without this command" in told


async def test_a_call_whose_answer_did_not_come_is_looked_for_before_it_is_repeated(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run_backfill(beside(server), "tenant", DRY, a_console()) == 1
    assert await run_erasure(beside(server), "tenant", ERASE, a_console()) == 2

    told = capsys.readouterr().err
    assert "GET /internal/v1/tenants/tenant/backfills: look there before you ask again" in told
    assert "privacy/erasures: look there before you ask again" in told
    assert len(server.asked) == 2, "nothing that changes something is sent twice"


async def test_what_runs_is_told_where_no_bar_is_seen_and_a_moment_away_is_no_end(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ops.waiting.TELL_EVERY", 0.02)
    ended = {**RUNNING, "status": "failed", "error": "x", "dry_run": True, "months": [],
             "outcomes": {"issue": 0, "wait": 0, "hold": {}, "skip": {}},
             "amount_to_issue": "0.00", "known": 0}  # fmt: skip
    away = answer({"code": "database_away"}, status=503)
    server.will(answer(QUEUED), *[answer(RUNNING)] * 3, away, away, answer(ended))

    assert await run_backfill(beside(server), "tenant", DRY, a_console()) == 1

    told = capsys.readouterr().err
    assert "waiting for b1 (running, 7 of 20 bills read)" in told
    assert "goes on without" not in told


async def test_an_erasure_that_still_runs_says_where_its_state_shows(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ops.erase.LOOK_FOR", 0.3)
    server.otherwise = lambda _: answer(ERASURE)

    assert await run_erasure(beside(server), "tenant", ERASE, a_console()) == 1

    told = capsys.readouterr().err
    assert "GET /internal/v1/tenants/tenant/privacy/erasures/e1" in told


async def test_where_nothing_listens_nobody_is_kept_waiting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    env = {"INTERNAL_PORT": str(free_port()), "INTERNAL_API_TOKEN": TOKEN}

    assert await run_closing(env, "tenant", "2026-10", a_console()) == 2

    assert "Does `make up` run?" in capsys.readouterr().err


@pytest.fixture
def rests(tmp_path: Path) -> dict[str, str]:
    """A home in which an `up` ran, and does not now."""
    home = open_home({"NOTAPONTE_HOME": str(tmp_path / "home")})
    (home.folder / "postgres").mkdir()
    home.database_url.write_text(f"postgresql://127.0.0.1:{free_port()}/notaponte")
    home.secret_keys()
    return {"NOTAPONTE_HOME": str(home.folder)}


async def test_beside_an_up_that_rests_a_command_says_so(rests: dict[str, str]) -> None:
    for verb in ("token", "staff", "rotate-keys", "accept-keys"):  # of these two no data are here
        code, words = await said("shared.ops", verb, **rests)
        assert code == 1
        assert words.startswith("`make up` does not run in"), verb
    (Path(rests["NOTAPONTE_HOME"]) / "run" / "database-url").unlink()
    code, words = await said("shared.ops", "migrate", **rests)
    assert code == 2
    assert "`make up` does not run in" in words


async def test_restored_beside_an_up_that_rests_says_what_notes_it(rests: dict[str, str]) -> None:
    with pytest.raises(BackupError, match="`make restore`, which notes that by itself"):
        await run_restored(rests, "")
    home = open_home(rests)
    with home.locked():
        assert resting(rests) is None


async def test_restore_beside_an_up_that_runs_says_to_stop_it(rests: dict[str, str]) -> None:
    with open_home(rests).locked(), pytest.raises(BackupError, match="stop it first"):
        await run_restore(rests, "", print)
