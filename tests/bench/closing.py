"""The closing of 100,000 sales, Vindi's answer aside, and the memory of an export.

Synthetic rows, about as wide as real ones: the month of the question, and three times as many sales
of other months.
"""

import statistics
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from shared.commands.closing import VindiTotals, close, span_of
from shared.commands.files.closing_csv import render_csv
from shared.commands.files.closing_workbook import MonthOfTenant, render_workbook
from shared.commands.files.export_zip import Export, stream_zip
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.closing import closing_read, read_counts
from shared.db.closing.closing_read import Span
from shared.db.connection import Connection, Pool, open_pool
from shared.db.migrate import migrate
from shared.db.tenants import tenants_store
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Month
from shared.domain.ids import TenantId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.limits import Limits
from shared.local.postgres import running_postgres
from shared.net.http import open_session
from tests.bench.measure import Measure

TENANT: Final = TenantId("tbenchbench")
MONTH: Final = Month(year=2026, month=10)
SALES: Final = 100_000
MOST_SECONDS: Final = 1.0
ROUNDS: Final = 5
FILLING: Final = bytes(range(32, 127)) * 300  # 30 kB, about what a nota's PDF has
EXPORTS: Final = (100, 1000)
MOST_GROWTH: Final = 2.0  # MB

BILLS: Final = """
    INSERT INTO bills (tenant_id, bill_id, status, amount, moment_amount, customer_id, created_at,
                       updated_at, created_moment, paid_moment, charges_paid_at, body, read_at)
    SELECT $1, n, 'paid', 17990, 17990, n, at, at, at, at, ARRAY[at],
           decode(repeat(md5(n::text), 64), 'hex'), now()
      FROM (SELECT n, $2::timestamptz + (n - $3::bigint) * interval '25 seconds' AS at
              FROM generate_series($3::bigint, $4::bigint) AS n) AS row
"""
SOLD: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, moment_at, origin, customer_name,
                       customer)
    SELECT $1, bill_id,
           CASE WHEN bill_id % 50 = 0 THEN 'held' WHEN bill_id % 97 = 0 THEN 'skipped'
                ELSE 'issued' END,
           CASE WHEN bill_id % 50 = 0 THEN 'customer_document_missing'
                WHEN bill_id % 97 = 0 THEN 'refunded' END,
           17990, paid_moment, 'webhook', 'Cliente Exemplo',
           decode(repeat(md5(bill_id::text), 25), 'hex')
      FROM bills WHERE tenant_id = $1
"""
NOTAS: Final = """
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, environment, amount,
                       competencia, request)
    SELECT $1, bill_id, 1, 'h-' || $1 || '-' || bill_id || '-1', 'issued', 'Homologacao', 17990,
           '2026-10-01', decode(repeat(md5(bill_id::text), 60), 'hex')
      FROM sales WHERE tenant_id = $1 AND status = 'issued'
"""
# The same notas as if they had been issued: of the real environment, each on its sale's own day
# but for one in fifty, which says a month later, and in a dozen fiscal classes.
REAL: Final = """
    UPDATE notas n
       SET environment = 'Producao', number = n.bill_id, connection_id = 1, issued_at = now(),
           created_at = s.moment_at, iss = 360, issuer_id = upper(md5(n.bill_id::text)),
           competencia = (s.moment_at AT TIME ZONE 'America/Sao_Paulo')::date
                         + CASE WHEN n.bill_id % 50 = 7 THEN 31 ELSE 0 END,
           fiscal_class = '{"iss_rate":"2.00","iss_withheld":' || (n.bill_id % 3 = 0)::text
                          || ',"lc116":"1.0' || n.bill_id % 4 || '","municipal_code":"02800"}'
      FROM sales s
     WHERE n.tenant_id = $1 AND s.tenant_id = $1 AND s.bill_id = n.bill_id
"""
# The issuer lists them all, as they are.
LISTED: Final = """
    INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, bill_id, valid,
                              raw_status, amount, competencia, number, created_on, read_at)
    SELECT $1, 'a-company', lower(issuer_id), external_id, bill_id, true, 'Autorizada', amount,
           competencia, number, competencia, now() FROM notas WHERE tenant_id = $1
"""


async def run(folder: Path) -> list[Measure]:
    """Time the closing and its files, and watch the memory of exports of two sizes."""
    async with running_postgres(folder) as server:
        url = server.url()
        await migrate(url)
        settings = DatabaseSettings(url=Secret.of(url), pool_size=4, pooler="none")
        slow = timedelta(minutes=5)  # filling takes longer than any statement of ours
        async with open_pool(settings, application="bench", statement_timeout=slow) as pool:
            tenant = await _fill(pool)
            async with pool.acquire() as conn:
                span = await span_of(conn, tenant, MONTH)
                await _show_plan(conn, span)
            measures = [
                await _closing(pool, tenant, span),
                await _csv(pool, span),
                *await _exports(pool, span),
            ]
            async with pool.acquire() as conn:
                await conn.execute(REAL, TENANT)
                await conn.execute("VACUUM ANALYZE notas")
                await conn.execute(LISTED, TENANT)
                await conn.execute("VACUUM ANALYZE issuer_notas")
            listed = await _closing(pool, tenant, span, ", all of them in the issuer's list")
            return [
                *measures,
                listed,
                await _closing(pool, tenant, span, filed=True),
                await _workbook(pool, tenant, span),
            ]


async def _fill(pool: Pool) -> Tenant:
    async with pool.acquire() as conn:
        tenant = await tenants_store.add(
            conn, TENANT, name="Bench", plan="pro", timezone="America/Sao_Paulo"
        )
        await conn.execute(
            "INSERT INTO rule_versions (tenant_id, version, rule, created_by)"
            " VALUES ($1, 1, $2, 'bench')",
            TENANT,
            {"issue_when": "bill_paid"},
        )
        await conn.execute("ALTER TABLE notas ALTER request SET STORAGE EXTERNAL")  # as if sealed
        first = MONTH.bounds(ZoneInfo(tenant.timezone))[0]
        for number, start in enumerate(
            (first, *(first - timedelta(days=30 * back) for back in (1, 2, 3)))
        ):
            low = number * SALES + 1
            await conn.execute(BILLS, TENANT, start, low, low + SALES - 1)
        await conn.execute(SOLD, TENANT)
        await conn.execute(NOTAS, TENANT)
        for table in ("bills", "sales", "notas"):
            await conn.execute(f"VACUUM ANALYZE {table}")
    return tenant


async def _closing(
    pool: Pool, tenant: Tenant, span: Span, beside: str = "", *, filed: bool = False
) -> Measure:
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        closing = await close(pool, VindiTotals(), None, tenant, MONTH, filed=filed)
        async with pool.acquire() as conn:
            counted = await read_counts.count_paid_charges(conn, span)
        seconds.append(time.perf_counter() - started)
        if closing.figures.difference or closing.figures.vindi.bills != counted:
            raise AssertionError("the synthetic month must balance")
        if closing.filing is not None:
            if closing.filing.unexplained:
                raise AssertionError("the synthetic month must be bridged")
            beside = f", with totals of {closing.filing.total.notas:,} notas filed"
    taken = statistics.median(seconds)
    return Measure(
        bench="closing",
        what=f"closing of {counted:,} sales among {4 * SALES:,}{beside}",
        value=taken,
        unit="s",
        bar=f"< {MOST_SECONDS:g}",
        passed=taken < MOST_SECONDS,
    )


async def _workbook(pool: Pool, tenant: Tenant, span: Span) -> Measure:
    closing = await close(pool, VindiTotals(), None, tenant, MONTH, filed=True)
    if closing.filing is None:
        raise AssertionError("it was asked for")
    wanted = MonthOfTenant(
        pool=pool,
        tenant=tenant,
        span=span,
        closing=closing,
        filing=closing.filing,
        at=datetime.now(UTC),
    )
    started, size = time.perf_counter(), 0
    async for piece in render_workbook(wanted):
        size += len(piece)
    taken = time.perf_counter() - started
    what = f"workbook of {SALES:,} sales, {size / 2**20:.0f} MB"
    return Measure(bench="closing", what=what, value=taken, unit="s")


async def _csv(pool: Pool, span: Span) -> Measure:
    started, size = time.perf_counter(), 0
    async for piece in render_csv(closing_read.lines(pool, span), "America/Sao_Paulo"):
        size += len(piece)
    taken = time.perf_counter() - started
    what = f"CSV of {SALES:,} lines, {size / 2**20:.0f} MB"
    return Measure(bench="closing", what=what, value=taken, unit="s")


async def _exports(pool: Pool, span: Span) -> list[Measure]:
    peaks = []
    async with _issuer() as issuer:
        for most in (10, *EXPORTS):
            notas = _first(closing_read.valid_notas(pool, span), most)
            tracemalloc.start()
            wanted = Export(notas=notas, issuer_of=lambda _: issuer, at=datetime.now(UTC))
            async for _ in stream_zip(wanted):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
            tracemalloc.stop()
    measures = [
        Measure(bench="closing", what=f"peak memory, {most:,} notas out", value=peak, unit="MB")
        for most, peak in zip(EXPORTS, peaks[1:], strict=True)
    ]
    growth = peaks[-1] - peaks[1]
    return [
        *measures,
        Measure(
            bench="closing",
            what="memory that ten times the notas cost",
            value=growth,
            unit="MB",
            bar=f"< {MOST_GROWTH:.0f}",
            passed=growth < MOST_GROWTH,
        ),
    ]


async def _first(
    pages: AsyncIterator[list[closing_read.ValidNota]], most: int
) -> AsyncIterator[list[closing_read.ValidNota]]:
    async for page in pages:
        yield page[:most]
        most -= len(page)
        if most <= 0:
            return


@asynccontextmanager
async def _issuer() -> AsyncIterator[EnotasIssuer]:
    """eNotas as far as an export needs it: every document is there."""

    async def give(request: web.Request) -> web.Response:
        if request.path.endswith("/pdf"):
            return web.Response(body=b"%PDF-1.4 " + FILLING, content_type="application/pdf")
        return web.Response(body=b"<nfe>" + FILLING[1:27] + b"</nfe>", content_type="text/xml")

    app = web.Application()
    app.router.add_get("/{path:.*}", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with open_session() as session:
        yield EnotasIssuer(
            session,
            base_url=f"http://{host}:{port}",
            api_key="bench",
            company_id="bench",
            limits=Limits(None, parallel=4, per_second=100_000),
            limit_key="bench",
            timeout=timedelta(seconds=10),
        )
    await runner.cleanup()


async def _show_plan(conn: Connection, span: Span) -> None:
    month = (span.tenant, span.first, span.end)
    kinds = (span.kinds.paid, span.kinds.created)
    async with conn.transaction():
        await conn.execute(closing_read.ROOM)
        for sql in (closing_read.HEAPS, closing_read.UNDECIDED):
            rows = await conn.fetch(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {sql}", *month, *kinds)
            sys.stdout.write("\n".join(row[0] for row in rows) + "\n\n")
