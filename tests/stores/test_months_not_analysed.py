"""Statements over a whole month keep their plans where tables were never, or long ago, analysed.

That is what the first minutes of a backfill or of a renewal day look like. The bound is rows that
plans touch for each row of the month: a loop over two tables touches thousands, and says so on
machines of every speed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from shared.db.closing import (
    accepted_notas_store,
    closing_read,
    filed_notas,
    filing_read,
    issuer_list_store,
    issuer_side_read,
    read_counts,
)
from shared.db.connection import Connection, Pool
from tests.support.month_rows import COMPANY, TENANT, a_tenant, accept_some, write_month

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

# Those that run where `make_room` was asked for, and the others.
OF_ROOM: Final[Mapping[str, tuple[object, ...]]] = {
    closing_read.HEAPS: MONTH,
    closing_read.LACKING: MONTH,
    closing_read.CHOSEN: MONTH,
    closing_read.UNDECIDED: (*MONTH, True, False),
    filing_read.FILED: (TENANT, *DAYS, END, FIRST, "America/Sao_Paulo"),
    filing_read.ELSEWHERE: (*MONTH, DAYS[0], DAYS[0]),
    filing_read.CREDITED: (*MONTH, DAYS[0]),
    filing_read.FOREIGN: (TENANT, COMPANY, *DAYS, LONG_AGO),
    issuer_side_read.SIDE: SIDE,
    issuer_side_read.MOVED: MONTH,
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
        for mode in ("force_custom_plan", "force_generic_plan"):
            for room, asked in ((True, OF_ROOM), (False, OTHERS)):
                for statement, arguments in asked.items():
                    async with conn.transaction():
                        await conn.execute(f"SET LOCAL plan_cache_mode = {mode}")
                        await conn.execute("SET LOCAL statement_timeout = '20s'")
                        if room:
                            await closing_read.make_room(conn)
                        touched[name_of(statement), mode] = await rows_touched(
                            conn, statement, arguments
                        )

    assert {key: count for key, count in touched.items() if count > MOST_A_SALE * SALES} == {}


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
