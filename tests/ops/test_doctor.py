"""`make doctor`, against the sandbox and a system that runs: what it says, and what it must not."""

import json
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest_asyncio
from rich.console import Console

from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from shared.local.home import new_secret_key
from shared.ops.doctor.command import run_doctor
from tests.journey.system import System, a_system

FORGETFUL = "fsync is off: a power cut loses notas that were issued"
# What documentation leaves open, and how many of each reading cannot settle.
QUESTIONS = {"Vindi": (13, 4), "eNotas": (13, 6)}


@pytest_asyncio.fixture
async def system(database: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with (
        running_sandbox() as sandbox,
        a_system(sandbox, database=database, redis=redis_url, folder=tmp_path) as running,
    ):
        await running.set_up()
        bills = [running.sell() for _ in range(3)]
        await running.until_issued()
        operations.refund(running.account, bill_id=bills[0].id)
        yield running


async def look(
    environment: dict[str, str], *, questions: bool = False, report: Path | None = None
) -> tuple[int, str]:
    heard = StringIO()
    code = await run_doctor(
        environment,
        Console(file=heard, width=200),
        tenant="",
        questions=questions,
        report=report,
    )
    return code, heard.getvalue()


async def test_a_system_that_is_well_is_said_to_be_so_and_questions_are_answered(
    system: System, tmp_path: Path
) -> None:
    environment = system.services["reconciler"].environment
    before = len(system.account.journal)
    sent = len(system.company.notas)

    code, words = await look(environment, questions=True, report=tmp_path / "report.json")

    for said in (
        "SECRET_KEYS open what it holds",
        "the panel's role can be taken on",
        "the key reads all",
        "company complete",
    ):
        assert said in words
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    # The tests' PostgreSQL forgets what it is not told to keep, which is the one thing found.
    wrong = [one["words"] for one in told["findings"] if one["state"] == "wrong"]
    assert (code, wrong) == (1, [FORGETFUL])
    for whose, (asked, not_asked) in QUESTIONS.items():
        answers = [one for one in told["answers"] if one["question"].startswith(whose)]
        assert len(answers) == asked
        assert sum(one["state"] == "not_asked" for one in answers) == not_asked
    by_question = {one["question"]: one["words"] for one in told["answers"]}
    assert "50 came" in by_question["Vindi: the largest per_page"] or (
        "no more bills" in by_question["Vindi: the largest per_page"]
    )
    assert by_question["Vindi: the answer 401"].startswith("401")
    assert "refund.success" in by_question["Vindi: how a chargeback shows"]
    assert "that answers are written in" in by_question["Vindi: zone of a query's instants"]
    assert not [one for one in told["answers"] if one["state"] == "wrong"]
    assert len(system.company.notas) == sent
    assert {one.method for one in list(system.account.journal)[before:]} == {"GET"}
    assert len(system.account.journal) - before < 40


async def test_a_report_tells_nothing_of_anybody(system: System, tmp_path: Path) -> None:
    environment = system.services["reconciler"].environment
    _, words = await look(environment, questions=True, report=tmp_path / "report.json")
    text = words + (tmp_path / "report.json").read_text(encoding="utf-8")

    private: set[str | None] = {system.account.keys[0].key, system.company.key, system.company.cnpj}
    for customer in system.account.customers.rows.values():
        private |= {customer.name, customer.email, customer.registry_code}
    assert not [one for one in private if one and str(one) in text]


async def test_what_is_wrong_is_named_one_by_one(system: System) -> None:
    environment = system.services["reconciler"].environment
    system.account.keys[0].revoked = True
    system.sandbox.enotas.keys[system.company.key].revoked = True

    code, words = await look(
        environment | {"REDIS_URL": "redis://127.0.0.1:1/0", "VINDI_TIMOUT": "3"}
    )

    assert code == 1
    assert "did you mean VINDI_TIMEOUT?" in words
    assert "Redis at 127.0.0.1:1/0 cannot be reached" in words
    assert "the key is refused: enter a new one" in words
    assert "issuer_key_refused" in words


async def test_keys_that_do_not_fit_are_told_and_leave_nothing_behind(system: System) -> None:
    environment = system.services["reconciler"].environment

    for _ in range(2):
        code, words = await look(environment | {"SECRET_KEYS": new_secret_key()})
        assert code == 1
        assert "sealed under a key that is not configured" in words
    _, words = await look(environment)
    assert "SECRET_KEYS open what it holds" in words


async def test_without_a_database_the_rest_is_told_all_the_same() -> None:
    code, words = await look(
        {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x", "NOTAPONTE_HOME": "/nonexistent"}
    )

    assert code == 1
    assert "REDIS_URL is missing" in words
    assert "PostgreSQL at 127.0.0.1:1 cannot be reached" in words
