"""How long the panel takes for a page of a tenant with a million sales, and how much is sent.

Synthetic rows of a year: two per cent are held, one per cent are in guarantee, some are denied.
`PAGES_SALES` says how many; the bar is for a million.
"""

import base64
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp

from services.panel.app import create_app
from shared.config.settings import load_panel
from shared.crypto.seal import Sealer
from shared.db.connection import Pool, open_pool
from shared.db.migrate import migrate
from shared.db.tenants import tenants_store
from shared.domain.ids import TenantId
from shared.local.postgres import running_postgres
from tests.bench.measure import Measure
from tests.services.api.conftest import serving
from tests.services.panel.support import PASSWORD, Browser, invite_to

TENANT: Final = TenantId("tbenchbench")
SALES: Final = int(os.environ.get("PAGES_SALES") or 1_000_000)
ROUNDS: Final = 40
MOST_MS: Final = 100.0
MOST_KB: Final = 15.0
KEY: Final = b"p" * 32

BILLS: Final = """
    INSERT INTO bills (tenant_id, bill_id, status, amount, moment_amount, customer_id, created_at,
                       updated_at, created_moment, paid_moment, charges_paid_at, body, read_at)
    SELECT $1, n, 'paid', 17990, 17990, n, at, at, at, at, ARRAY[at],
           decode(repeat(md5(n::text), 4), 'hex'), at
      FROM (SELECT n, $2::timestamptz + (n::float / $3 * 365) * interval '1 day' AS at
              FROM generate_series(1, $3::bigint) AS n) AS row
"""
SOLD: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, moment_at, issue_at, origin,
                       customer_name, customer)
    SELECT $1, bill_id,
           CASE WHEN bill_id % 50 = 0 THEN 'held' WHEN bill_id % 499 = 0 THEN 'denied'
                WHEN bill_id % 97 = 0 THEN 'skipped' WHEN bill_id % 101 = 0 THEN 'in_guarantee'
                ELSE 'issued' END,
           CASE WHEN bill_id % 50 = 0
                THEN (ARRAY['customer_document_missing', 'rule_manual'])[1 + bill_id % 3 % 2]
                WHEN bill_id % 97 = 0 THEN 'refunded' END,
           17990, paid_moment, paid_moment + interval '1 minute', 'webhook',
           'Cliente ' || md5(bill_id::text), decode(repeat(md5(bill_id::text), 30), 'hex')
      FROM bills WHERE tenant_id = $1
"""
NOTAS: Final = """
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, environment, amount,
                       competencia, request, number, issued_at, denial, denial_group)
    SELECT $1, bill_id, 1, 'p-' || $1 || '-' || bill_id || '-1', status, 'Producao', 17990,
           moment_at::date, decode(repeat(md5(bill_id::text), 30), 'hex'), bill_id::text,
           moment_at + interval '3 minutes',
           CASE WHEN status = 'denied' THEN 'denied_city' END,
           CASE WHEN status = 'denied' THEN 'denied_city' END
      FROM sales WHERE tenant_id = $1 AND status IN ('issued', 'denied')
"""


async def run(folder: Path) -> list[Measure]:
    """Time every page that reads much."""
    async with running_postgres(folder) as server:
        await migrate(server.url())
        settings = load_panel(
            {
                "DATABASE_URL": server.url(),
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "SECRET_KEYS": base64.urlsafe_b64encode(KEY).decode(),
            }
        )
        async with open_pool(settings.process.database, application="bench") as pool:
            await _fill(pool)
            async with serving(create_app(settings)) as base, _owner(pool, base) as browser:
                return [one for page in _pages() for one in await _page(browser, *page)]


def _pages() -> list[tuple[str, str]]:
    base, middle = f"/e/{TENANT}", SALES // 2
    return [
        ("overview", base),
        ("attention", f"{base}/pendencias"),
        ("sales", f"{base}/vendas"),
        ("sales, far down", f"{base}/vendas?antes={middle}"),
        ("sales, held", f"{base}/vendas?status=held"),
        ("sales, a cause", f"{base}/vendas?status=held&motivo=rule_manual"),
        ("a sale", f"{base}/vendas/{middle}"),
        ("rule", f"{base}/regra"),
        ("settings", f"{base}/configuracoes"),
    ]


async def _page(browser: Browser, name: str, path: str) -> list[Measure]:
    taken, sent = [], 0
    for number in range(ROUNDS + 3):
        begun = time.perf_counter()
        async with browser.http.get(
            browser.base + path, headers={"Accept-Encoding": "gzip"}
        ) as answer:
            await answer.read()
            sent = int(answer.headers.get("Content-Length") or 0)
            if answer.status != 200:
                raise AssertionError(f"{path}: {answer.status}")
        if number >= 3:  # the first fill caches
            taken.append((time.perf_counter() - begun) * 1000)
    p95 = statistics.quantiles(taken, n=20)[-1]
    return [
        Measure(
            bench="pages",
            what=f"{name}: p95, {SALES:,} sales",
            value=p95,
            unit="ms",
            bar=f"< {MOST_MS:.0f}",
            passed=p95 < MOST_MS,
        ),
        Measure(
            bench="pages",
            what=f"{name}: sent",
            value=sent / 1000,
            unit="kB",
            bar=f"< {MOST_KB:.0f}",
            passed=sent / 1000 < MOST_KB,
        ),
    ]


async def _fill(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute("SET statement_timeout = 0")
        await tenants_store.add(
            conn, TENANT, name="Banca", plan="pro", timezone="America/Sao_Paulo"
        )
        since = datetime.now(UTC) - timedelta(days=365)
        await conn.execute(BILLS, TENANT, since, SALES, timeout=None)
        await conn.execute(SOLD, TENANT, timeout=None)
        await conn.execute(NOTAS, TENANT, timeout=None)
        for table in ("bills", "sales", "notas"):
            await conn.execute(f"VACUUM ANALYZE {table}", timeout=None)
        await conn.execute("RESET statement_timeout")


@asynccontextmanager
async def _owner(pool: Pool, base: str) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        browser = Browser(base=base, http=http)
        link = await invite_to(pool, Sealer([KEY]), TENANT, "owner")
        page = await browser.get(link)
        await browser.send(page, "/convite", nome="Ana", email="a@exemplo.com", senha_nova=PASSWORD)
        yield browser
