"""Statements over a whole month keep their plans where tables were never, or long ago, analysed.

That is what the first minutes of a backfill or of a renewal day look like. The bound is rows that
plans touch for each row of the month: a loop over two tables touches thousands, and says so on
machines of every speed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from typing import Any, Final

import pytest

from shared.db.closing import (
    accepted_notas_store,
    closing_read,
    filed_notas,
    filing_read,
    foreign_notas_store,
    issuer_list_store,
    issuer_side_read,
    issuer_sums_read,
    read_counts,
    shadow_read,
)
from shared.db.connection import Connection, Pool
from shared.db.sales import overview_read
from tests.support.month_rows import (
    COMPANY,
    TENANT,
    a_tenant,
    accept_some,
    deny_some,
    write_month,
    write_shadow,
)

SALES: Final = 20_000
MOST_A_SALE: Final = 40.0  # the most that a plan touches for a sale is 20
FIRST: Final = datetime(2026, 10, 1, 3, tzinfo=UTC)
END: Final = datetime(2026, 11, 1, 3, tzinfo=UTC)
DAYS: Final = (date(2026, 10, 1), date(2026, 10, 31))
LONG_AGO: Final = date(2026, 1, 1)
FAR: Final = timedelta(days=400)
MONTH: Final = (TENANT, FIRST, END)
SIDE: Final = (*MONTH, COMPANY, *DAYS, LONG_AGO)
PAGE: Final = list(range(1, 1001))
MODES: Final = ("force_custom_plan", "force_generic_plan")

# Those that run where `make_room` was asked for, and the others.
OF_ROOM: Final[Mapping[str, tuple[object, ...]]] = {
    closing_read.HEAPS: (*MONTH, True, False),
    closing_read.COUNTING: (*MONTH, True, False),
    closing_read.LACKING: MONTH,
    closing_read.CHOSEN: MONTH,
    closing_read.UNDECIDED: (*MONTH, True, False),
    filing_read.COUNTING: (TENANT, *DAYS),
    filing_read.OF_OTHER_MONTHS: (TENANT, *DAYS, END, "America/Sao_Paulo", FIRST),
    filing_read.CREDITED: (*MONTH, DAYS[0]),
    filing_read.FOREIGN: (TENANT, COMPANY, *DAYS, LONG_AGO),
    issuer_sums_read.SIDE: (*MONTH, *DAYS),
    issuer_sums_read.SIDE_FILED: (*MONTH, *DAYS, "America/Sao_Paulo"),
    issuer_sums_read.OTHERS: SIDE,
    issuer_side_read.ODD: (*SIDE, PAGE),
    issuer_side_read.DIFFERENCES: (*SIDE, "", 100),
}
OTHERS: Final[Mapping[str, tuple[object, ...]]] = {
    closing_read.BILLS: (*MONTH, True, False, 0, None),
    closing_read.LINES: (TENANT, PAGE, True),
    closing_read.UNEXPLAINED: (TENANT, PAGE, True),
    closing_read.VALID_NOTAS: (TENANT, PAGE),
    read_counts.COUNT_PAID: MONTH,
    read_counts.COUNT_CREATED: MONTH,
    read_counts.UNKNOWN: (TENANT, PAGE),
    filed_notas.FILED: (TENANT, *DAYS, END, DAYS[0], -1, -1, -1, 1000),
    filed_notas.CREDITED: (*MONTH, DAYS[0], -1, -1, -1, 1000),
    filed_notas.UNTOLD: (TENANT, *DAYS, END, -1, -1, -1, 500),
    accepted_notas_store.LIST: (TENANT, *DAYS, "", 100),
    issuer_list_store.OURS: (TENANT, PAGE, [f"p-{TENANT}-{bill}-1" for bill in PAGE]),
    issuer_list_store.MISSING: (TENANT, FIRST - FAR, END + FAR, END + FAR, COMPANY),
}

# Of a whole tenant, not of a month: what waits, what is in shadow, what others issued.
BUYERS: Final = [md5(str(one).encode(), usedforsecurity=False).digest() for one in PAGE]
SAME: Final = ["Producao"] * len(PAGE), BUYERS, [17990] * len(PAGE), [DAYS[0]] * len(PAGE)
OF_ALL: Final[Mapping[str, tuple[object, ...]]] = {
    overview_read.OPEN_SALES: (TENANT, overview_read.OPEN, [FIRST, END]),
    issuer_list_store.WANT_LEFT: (TENANT, "another-company", END, DAYS[1]),
    shadow_read.OURS: (TENANT, *DAYS),
    shadow_read.THEIRS: (TENANT, *DAYS),
    shadow_read.SALES: (TENANT, DAYS[0], 100),
    shadow_read.ONLY_THEIRS: (TENANT, DAYS[0], 100),
    foreign_notas_store.FIND_ALIKE: (TENANT, PAGE, *SAME, [FIRST] * len(PAGE)),
    accepted_notas_store.ACCEPT: (
        *(TENANT, COMPANY, *DAYS, LONG_AGO, END),
        *(None, "our making", None, None, "another system", "ana"),
    ),
    accepted_notas_store.REVOKE: (TENANT, *DAYS, None, None, None),
}


async def never_analysed(conn: Connection) -> None:
    await write_month(conn, 1, SALES, FIRST)


async def among_others(conn: Connection) -> None:
    await write_month(conn, 1, SALES, FIRST)
    await write_month(conn, 1_000_001, 1_000_000 + SALES, FIRST - timedelta(days=60))


async def analysed_before(conn: Connection) -> None:
    await write_month(conn, 1_000_001, 1_000_000 + SALES // 4, FIRST - timedelta(days=60))
    await conn.execute("ANALYZE")
    await write_month(conn, 1, SALES, FIRST)


@pytest.mark.parametrize("write", [never_analysed, among_others, analysed_before])
async def test_no_plan_goes_through_a_table_for_each_row(
    pool: Pool, write: Callable[[Connection], Any]
) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        await write(conn)
        await accept_some(conn)
        touched = {}
        for mode in MODES:
            for room, asked in ((True, OF_ROOM), (False, OTHERS)):
                for statement, arguments in asked.items():
                    touched[name_of(statement), mode] = await planned(
                        conn, mode, statement, arguments, room=room
                    )

    assert {key: count for key, count in touched.items() if count > MOST_A_SALE * SALES} == {}


async def analysed_when_empty(conn: Connection) -> None:
    await conn.execute("ANALYZE")
    await never_analysed(conn)


@pytest.mark.parametrize("write", [never_analysed, analysed_when_empty])
async def test_what_waits_and_what_others_issued_is_led_to_as_well(
    pool: Pool, write: Callable[[Connection], Any]
) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        await write(conn)
        await deny_some(conn)
        await write_shadow(conn, 2_000_001, 2_000_000 + SALES, FIRST)
        touched = {
            (name_of(statement), mode): await planned(conn, mode, statement, arguments)
            for mode in MODES
            for statement, arguments in OF_ALL.items()
        }

    assert {key: count for key, count in touched.items() if count > MOST_A_SALE * SALES} == {}


async def planned(
    conn: Connection,
    mode: str,
    statement: str,
    arguments: tuple[object, ...],
    *,
    room: bool = False,
) -> float:
    """What a statement touches where plans are made so; whatever it writes is taken back."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(f"SET LOCAL plan_cache_mode = {mode}")
        await conn.execute("SET LOCAL statement_timeout = '20s'")
        if room:
            await closing_read.make_room(conn)
        return await rows_touched(conn, statement, arguments)
    finally:
        await transaction.rollback()


async def test_a_loop_over_both_is_noticed(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        await write_month(conn, 1, 2_000, FIRST)
        looped = await rows_touched(
            conn,
            "SELECT count(*) FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id"
            " AND n.bill_id + 0 = s.bill_id AND n.bill_id % 2 <> s.bill_id % 3"
            " WHERE s.tenant_id = $1",
            (TENANT,),
            "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off",
        )
    assert looped > MOST_A_SALE * 2_000


async def rows_touched(
    conn: Connection, statement: str, arguments: tuple[object, ...], settings: str = ""
) -> float:
    """Rows that the nodes of a plan gave or threw away, each time they were run."""
    async with conn.transaction():
        if settings:
            await conn.execute(settings)
        shown = await conn.fetchval(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", *arguments
        )
    plans = json.loads(shown) if isinstance(shown, str) else shown
    counts: list[float] = [
        node["Actual Loops"]
        * (
            node["Actual Rows"]
            + sum(count for what, count in node.items() if what.startswith("Rows Removed"))
        )
        for node in nodes(plans[0]["Plan"])
    ]
    return sum(counts)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def name_of(statement: str) -> str:
    return statement.strip().splitlines()[0].removeprefix("-- ")
