"""What `make doctor` says of one thing that is wrong, and what to do then."""

import resource
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from shared.db.connection import Pool
from shared.db.revision import head_revision
from shared.ops.doctor import here, machine, their_clocks
from shared.ops.doctor.report import Observation
from tests.support.scripted_server import answer, serving

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GIB = 1024 * here.MIB


async def of_database(database: str) -> list[Observation]:
    return [one async for one in machine.database({"DATABASE_URL": database})]


def words(found: list[Observation], state: str) -> str:
    return "; ".join(one.words for one in found if one.state == state)


@pytest.mark.parametrize(
    ("off", "state"), [(1, "ok"), (-1, "ok"), (5, "look"), (-600, "wrong"), (600, "wrong")]
)
def test_a_clock_that_is_off_is_told_with_what_keeps_it(off: int, state: str) -> None:
    found = machine.clock(NOW, NOW + timedelta(seconds=off))

    assert found.state == state
    assert ("timedatectl set-ntp true" in found.words) == (state != "ok")


@pytest.mark.parametrize(
    ("off", "state", "which"),
    [(0, "ok", ""), (-4, "ok", ""), (20, "look", "ahead"), (-10_800, "wrong", "behind")],
)
def test_a_clock_that_is_not_vindis_is_told_with_the_side_it_is_off_to(
    off: int, state: str, which: str
) -> None:
    found = their_clocks.apart("Vindi", timedelta(seconds=off))

    assert (found.about, found.state) == ("clock", state)
    assert which in found.words
    assert ("timedatectl" in found.words) == (state != "ok")


async def test_the_clocks_of_others_are_asked_for_without_a_key() -> None:
    there = format_datetime(datetime.now(UTC) + timedelta(hours=3), usegmt=True)
    async with serving() as server:
        server.otherwise = lambda _: answer({}, status=401, headers={"Date": there})
        env = {"VINDI_URL_PRODUCTION": server.url, "ENOTAS_URL": "http://127.0.0.1:1"}

        [found] = [one async for one in their_clocks.their_clocks(env)]

        assert "Authorization" not in server.asked[0].headers
    assert found.state == "wrong"
    assert "from Vindi's (behind)" in found.words


@pytest.mark.parametrize(
    ("free", "total", "state"),
    [
        (100 * GIB, 500 * GIB, "ok"),
        (20 * GIB, 500 * GIB, "look"),  # a twenty-fifth of it
        (GIB, 8 * GIB, "look"),
        (100 * here.MIB, 8 * GIB, "wrong"),
    ],
)
def test_a_disk_without_room_is_told(free: int, total: int, state: str) -> None:
    found = here.room("disk", Path("/srv"), free=free, total=total)

    assert found.state == state
    assert ("make room" in found.words) == (state != "ok")


@pytest.mark.parametrize(("most", "state"), [(1024, "wrong"), (2048, "look")])
def test_too_few_descriptors_are_told_with_where_to_allow_more(most: int, state: str) -> None:
    look = (
        "from shared.ops.doctor.here import look_here;"
        "print([f'{one.state} {one.words}' for one in look_here({}) if one.about == 'descriptors'])"
    )

    told = subprocess.run(
        [sys.executable, "-c", look],
        capture_output=True,
        check=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
    ).stdout

    assert told.startswith(f"['{state} {most} files and connections")
    assert "LimitNOFILE=" in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(-3, "Temporary failure"), "nobody knows a machine named x.example"),
        (TimeoutError(), "x.example:443 does not answer"),
        (ConnectionRefusedError(111, "Connection refused"), "takes no connection (Connection"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "does TLS end at x.example:443?"),
    ],
)
def test_who_is_not_reached_is_told_in_words(error: OSError, said: str) -> None:
    assert said in machine.unreached(error, "x.example", 443)


async def test_a_database_that_is_behind_or_ahead_is_told(pool: Pool, database: str) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '0002'")
    behind = words(await of_database(database), "wrong")
    await pool.execute("UPDATE alembic_version SET version_num = '9998'")
    ahead = words(await of_database(database), "look")

    assert f"at 0002, not at {head_revision()}: run make migrate" in behind
    assert "at 9998, which is later than this version's" in ahead


async def test_an_index_that_was_broken_off_is_named_with_what_mends_it(
    pool: Pool, database: str
) -> None:
    before = words(await of_database(database), "wrong")
    await pool.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sales_of_month'::regclass"
    )

    after = words(await of_database(database), "wrong")

    assert "sales_of_month" not in before
    assert "REINDEX INDEX CONCURRENTLY sales_of_month" in after
