"""Names nobody shortened, emoji, letters from right to left: no phone scrolls sideways."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from yarl import URL

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.browser.test_looks import NOT_PAGES
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import CASES, Acting, acting_company, last_month
from tests.services.panel.test_graded import filled
from tests.services.panel.test_sent_twice import sent

WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"  # in pixels
WIDTHS = (390, 320)  # a phone's, and that of 1280 pixels at 400 % (WCAG 1.4.10)
STICKING_OUT = (
    "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right >"
    " document.documentElement.clientWidth + 1).slice(0, 4).map(one => one.outerHTML.slice(0, 90))"
)
LONG = "Associação 🎓🏳️‍🌈 مرحبا بالعالم שלום " + "Donaudampfschifffahrtsgesellschaft" * 4
DESCRIPTION = ("Aulas: {produtos} 🎻 " + "pneumoultramicroscopicossilicovulcanoconiotico" * 6)[:300]


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


async def grown(of: Acting) -> dict[str, str]:
    """Everything that somebody may name is named at length; an id of each page."""
    pool = of.panel.pool
    for name in (
        "invitation",
        "saved_filters",
        "sales_job",
        "sale",
        "hooks",
        "hooks_change",
        "closing_accepted",
        "past",
        "rps",
        "tokens",
        "limits",
    ):
        await sent(await CASES[name](of, 0))
    await pool.execute("UPDATE sales SET customer_name = $1, products = $1, plan = $1", LONG[:200])
    await pool.execute("UPDATE people SET name = $1", LONG[:200])
    await pool.execute("UPDATE saved_filters SET name = $1", LONG[-60:])
    await pool.execute("UPDATE bulk_jobs SET reason = $1, about = $1", LONG)
    await pool.execute("UPDATE accepted_notas SET reason = $1", LONG)
    await pool.execute("UPDATE rps_series SET reason = $1", LONG)
    await pool.execute(
        "UPDATE status_webhooks SET url = $1", "https://sistema.exemplo.com/" + "avisos" * 40
    )
    await of.desk.rule(
        description=DESCRIPTION,
        exceptions=[{"if": {"product_code": ["P" * 60, "Q" * 60]}, "issue_when": "never"}],
    )
    await pool.execute("UPDATE tenants SET name = $1", LONG[:200])
    return {
        "bill": str(of.bills["held"]),
        "run": await pool.fetchval("SELECT backfill_id FROM backfills LIMIT 1"),
        "job": await pool.fetchval("SELECT job_id FROM bulk_jobs LIMIT 1"),
        "mes": f"{last_month():%Y-%m}",
        "dia": f"{last_month()}",
    }


async def too_wide(page: Page, url: str) -> str:
    """By how many pixels a page is too wide, and what sticks out; nothing for a good one."""
    await page.goto(url)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 844})
        found: int = await page.evaluate(WIDE)
        if found:
            return f"{found} of {width}: {await page.evaluate(STICKING_OUT)}"
    return ""


@pytest.mark.timeout(600)
async def test_no_page_of_a_phone_scrolls_sideways(company: Acting, chromium: Browser) -> None:
    ids, panel = await grown(company), company.panel
    context = await chromium.new_context(viewport={"width": 390, "height": 844}, locale="pt-BR")
    await context.add_cookies(
        [{"name": "notaponte", "value": company.ours.cookie("notaponte"), "url": panel.base}]
    )
    page = await context.new_page()
    wrong: dict[str, str] = {}
    for one in PAGES:
        if one.get is None or one.door or one.name in NOT_PAGES:
            continue
        path = filled(one, TENANT, ids)
        if pixels := await too_wide(page, panel.base + path):
            wrong[one.name] = pixels
    for kind, bill in company.bills.items():
        if pixels := await too_wide(page, f"{panel.base}/e/{TENANT}/vendas/{bill}"):
            wrong[f"sale {kind}"] = pixels
    month = f"{last_month():%Y-%m}"
    if pixels := await too_wide(page, f"{panel.base}/e/{TENANT}/fechamento/diferencas?mes={month}"):
        wrong["differences"] = pixels
    assert URL(page.url).path.endswith("diferencas")
    await context.close()

    assert wrong == {}
