"""A form that is sent twice does one thing, at every page that acts; the pages come from the table.

What two sendings at once leave in the tables is held against what one sending leaves.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.panel.app import PAGES
from services.panel.kit import sent_once
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.panel.acting import CASES, Acting, Sending, acting_company
from tests.services.panel.support import Seen

# What is kept of requests, not of what they did.
NOT_DONE = {"idempotency_keys", "kept_figures", "sign_in_failures"}
CHANGES_NOTHING = {"rule"}  # it only shows what would change


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


async def rows(pool: Pool) -> dict[str, int]:
    """How many rows each table has."""
    names = await pool.fetch(
        "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    return {
        row["name"]: await pool.fetchval(f'SELECT count(*) FROM "{row["name"]}"')  # noqa: S608
        for row in names
        if row["name"] not in NOT_DONE
    }


async def sent(one: Sending) -> Seen:
    return await one.browser.post(one.path, one.fields, follow=False)


def test_every_page_that_acts_is_tried() -> None:
    assert {page.name for page in PAGES if page.acts_once} == CASES.keys()


async def test_two_equal_sendings_at_once_do_what_one_does(company: Acting) -> None:
    pool = company.panel.pool
    wrong: list[tuple[str, object]] = []
    for name, case in CASES.items():
        left = []
        for number in (0, 1):
            one = await case(company, number)
            before = await rows(pool)
            answers = await asyncio.gather(*(sent(one) for _ in range(1 + number)))
            after = await rows(pool)
            left.append({table: after[table] - before[table] for table in after})
            told = {(seen.status, seen.headers.get("Location"), seen.html) for seen in answers}
            if len(told) > 1 or answers[0].status >= 400:
                wrong.append((name, [(seen.status, seen.text[:300]) for seen in answers]))
        if not any(left[0].values()) and name not in CHANGES_NOTHING:
            wrong.append((name, "nothing was done"))
        differs = {t: (left[0][t], left[1][t]) for t in left[0] if left[0][t] != left[1][t]}
        if differs:
            wrong.append((name, differs))

    assert wrong == []


async def test_a_form_whose_process_died_before_it_answered_is_not_done_again(
    company: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = company.panel.pool
    monkeypatch.setattr(sent_once, "PATIENCE", 0.2)
    wrong: list[tuple[str, object]] = []
    for name, case in CASES.items():
        if name in CHANGES_NOTHING:
            continue
        one = await case(company, 2)
        # Whoever dies here has committed its work, and keeps no answer.
        await pool.execute(
            "ALTER TABLE idempotency_keys ADD CONSTRAINT dies CHECK (coalesce(status, 0) = 0)"
            " NOT VALID"
        )
        try:
            before = await rows(pool)
            died = await sent(one)
            after = await rows(pool)
        finally:
            await pool.execute("ALTER TABLE idempotency_keys DROP CONSTRAINT dies")
        await pool.execute(
            "UPDATE idempotency_keys SET created_at = created_at - interval '3 minutes'"
            " WHERE coalesce(status, 0) = 0"
        )
        again = await sent(one)
        then = await rows(pool)
        if died.status != 500 or before == after:
            wrong.append((name, f"not killed after its work: {died.status}"))
        if again.status != 409 or then != after:
            differs = {table: (after[table], then[table]) for table in then}
            changed = {table: two for table, two in differs.items() if two[0] != two[1]}
            wrong.append((name, (again.status, again.text[:80], changed)))

    assert wrong == []
