"""What stands behind a verb of the Makefile reaches the command as it was typed, or is refused."""

import asyncio
import os
import sys

import pytest

from shared.ops.commands import app
from tests.support.typed import ROOT

assert app  # what the verbs call


async def make(*words: str, **env: str) -> tuple[int, str]:
    """Make a verb with this very Python; its end, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *("make", "--no-print-directory", "-o", ".venv/.ready", f"PY={sys.executable}", *words),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode()


async def test_a_value_may_hold_quotes_breaks_and_what_a_shell_would_run(database: str) -> None:
    sql = "SELECT 'a' AS \"one `id` of\",\n 'b;c' AS \"two $(id)\""

    code, said = await make("psql", f"SQL={sql.replace('$', '$$')}", DATABASE_URL=database)

    assert code == 0, said
    assert " one `id` of | two $(id) " in said
    assert " a           | b;c" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("backfill", "TENANT=t", "SINCE=2026-01-01", "DRYRUN=1"), "Did you mean DRY_RUN?"),
        (("backfill", "TENANT=t", "SINCE=2026-01-01", "UNTILL=2026-02-01"), "mean UNTIL?"),
        (("restore", "At=2026-11-29T14:05"), "Did you mean AT?"),
        (("staff", "MAIL=rui@example.com", "REMOVE=1"), "Did you mean EMAIL?"),
        (("accept-keys", "TENANT=t"), "It reads no names."),
        (("migrate", "CITUS=1"), "It reads DISTRIBUTED, SQL."),
    ],
)
async def test_a_name_that_the_verb_does_not_read_ends_it(
    words: tuple[str, ...], told: str
) -> None:
    code, said = await make(*words)

    assert code == 2
    assert "so nothing was done" in said
    assert told in said


async def test_a_setting_may_stand_behind_a_verb(database: str) -> None:
    code, said = await make("psql", "SQL=SELECT 6 * 7 AS told", f"DATABASE_URL={database}")

    assert (code, " 42" in said) == (0, True)


async def test_what_somebodys_shell_has_is_not_what_was_typed(database: str) -> None:
    code, said = await make("token", DATABASE_URL=database, NAME="their-machine", REVOKE="1")

    assert code == 0
    assert "their-machine" not in said
