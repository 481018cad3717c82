"""How long the panel takes for each page, and how much is sent: a large tenant among many.

By default one tenant with a million sales and fifty with a hundred thousand, which takes some
minutes to fill in; `PAGES_SALES`, `PAGES_TENANTS` and `PAGES_EACH` say otherwise, and
`PAGES_HOME` names a folder where what was filled in stays for the next run. Every page of the
route table is asked for, through a session, as the role that sees one tenant. Figures that are
kept are made an hour old before each look, so that none is answered from what is young.
"""

import base64
import math
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from services.panel.app import PAGES, create_app
from services.panel.kit.page import TENANT as OF_TENANT
from shared.config.settings import load_panel
from shared.crypto.seal import Sealer
from shared.crypto.sealed_words import seal_words
from shared.db.connection import Pool, open_pool
from shared.db.migrate import migrate
from shared.db.sales.sales_read import document_word
from shared.domain.ids import TenantId
from shared.domain.people import may
from shared.local.postgres import FORGETFUL, EmbeddedPostgres, running_postgres
from tests.bench import pages_data
from tests.bench.measure import Measure
from tests.bench.pages_data import Size, document_of, number_of
from tests.bench.pages_paint import first_paint
from tests.bench.pages_readers import many_readers
from tests.services.api.conftest import serving
from tests.services.panel.support import PASSWORD, Browser, invite_to

LARGE: Final = TenantId("tbenchbench")
SIZE: Final = Size(
    large=int(os.environ.get("PAGES_SALES") or 1_000_000),
    others=int(os.environ.get("PAGES_TENANTS") or 50),
    each=int(os.environ.get("PAGES_EACH") or 100_000),
)
OTHERS: Final = [TenantId(f"tbench{number:05d}") for number in range(SIZE.others)]
ROUNDS: Final = 40
MOST_SECONDS: Final = 6.0  # for one page; one that is far too slow is looked at less often
MOST_MS: Final = 100.0
MOST_KB: Final = 15.0
KEY: Final = b"p" * 32
# As a machine that has this many sales would be set up; the rest as in tests.
SERVER: Final = {**FORGETFUL, "shared_buffers": "1GB", "max_wal_size": "8GB"}
OLD: Final = """
    UPDATE kept_figures SET as_of = as_of - interval '1 hour' WHERE tenant_id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One page to be timed."""

    name: str
    tenant: TenantId
    path: str

    @property
    def plain(self) -> bool:
        """Whether it is a page as it opens, not a list that was narrowed."""
        return "?" not in self.path


async def run(folder: Path) -> list[Measure]:
    """Time every page."""
    home = Path(os.environ.get("PAGES_HOME") or folder)
    home.mkdir(parents=True, exist_ok=True)
    async with running_postgres(home, settings=SERVER) as server:
        await migrate(server.url())
        environment = _environment(server)
        settings = load_panel(environment)
        async with open_pool(settings.process.database, application="bench") as pool:
            await _fill(pool)
            async with serving(create_app(settings)) as base, _owner(pool, base) as browser:
                found = await _first_looks(pool, browser)
                found += [one for look in looks() for one in await _page(pool, browser, look)]
                painted = [f"/e/{LARGE}{path}" for path in PAINTED]
                plain = [look.path for look in looks() if look.tenant == LARGE and look.plain]
                found += await first_paint(browser, painted, plain)
                cookie = "; ".join(f"{one.key}={one.value}" for one in browser.http.cookie_jar)
            paths = [look.path for look in looks()]
            found += await many_readers(environment, cookie, paths)
            # Who else works on this machine makes every page slower: a bar is for one by itself.
            busy = os.getloadavg()[1] / (os.cpu_count() or 1)
            return [*found, _measure("who wants a processor, for each there is", busy, "")]


PAINTED: Final = (
    "",
    "/vendas",
    "/pendencias",
    "/fechamento",
    "/regra",
    "/fechamento/diferencas",
    f"/vendas/{SIZE.large // 2}",
)


def looks() -> list[Look]:
    """Every page of a tenant that has an address of its own, lists narrowed in each way."""
    plain = [
        page
        for page in PAGES
        if page.get and page.of_tenant and "{" not in page.path.removeprefix(OF_TENANT)
        if "." not in page.path and (page.see is None or may("owner", page.see))
    ]
    found = [_look(page.name, LARGE, page.path.removeprefix(OF_TENANT)) for page in plain]
    middle = SIZE.large // 2
    found += [_look(f"sale: {name}", LARGE, path) for name, path in _lists(LARGE, middle).items()]
    if OTHERS:
        one = OTHERS[len(OTHERS) // 2]
        found += [
            _look(f"{page.name}, middling", one, page.path[len(OF_TENANT) :]) for page in plain
        ]
        lists = _lists(one, SIZE.each // 2)
        found += [_look(f"sale: {name}, middling", one, path) for name, path in lists.items()]
    return found


def _lists(tenant: TenantId, middle: int) -> dict[str, str]:
    sealer = Sealer([KEY])

    def searched(words: str) -> str:
        return f"/vendas?b={seal_words(sealer, tenant, words)}"

    return {
        "one": f"/vendas/{middle}",
        "far down": f"/vendas?antes={middle}",
        "held": "/vendas?status=held",
        "held, far down": f"/vendas?status=held&antes={middle}",
        "in guarantee": "/vendas?status=in_guarantee",
        "uncertain": "/vendas?status=uncertain",
        "a cause": "/vendas?status=held&motivo=rule_manual",
        "a cause of any status": "/vendas?motivo=rule_manual",
        "a denial": "/vendas?status=denied&motivo=denied_city",
        "a denial of any status": "/vendas?motivo=denied_city",
        "a cause without sales": "/vendas?status=held&motivo=customer_foreign",
        "attention": "/vendas?motivo=partially_refunded",
        "last month": "/vendas?de=2026-10-01&ate=2026-10-31",
        "a year ago": "/vendas?de=2025-12-01&ate=2025-12-31",
        "days without sales": "/vendas?de=2020-01-01&ate=2020-12-31",
        "held a year ago": "/vendas?status=held&de=2025-12-01&ate=2025-12-31",
        "an amount": "/vendas?minimo=99700&maximo=99700",
        "an amount without sales": "/vendas?minimo=1000000",
        "held, an amount without sales": "/vendas?status=held&minimo=1000000",
        "a bill": searched(str(middle)),
        "a document": searched(document_of(middle)),
        "a nota's number": searched(number_of(middle)),
        "a name": searched("Almeida"),
        "a name nobody has": searched("Zuleika Quaresma"),
        "no such number": searched("123456789012345"),
    }


def _look(name: str, tenant: TenantId, path: str) -> Look:
    return Look(name=name, tenant=tenant, path=f"/e/{tenant}{path}")


async def _page(pool: Pool, browser: Browser, look: Look) -> list[Measure]:
    taken: list[float] = []
    sent, until = 0, time.monotonic() + MOST_SECONDS
    await _timed(browser, look.path)  # the first fills caches
    while len(taken) < 3 or (len(taken) < ROUNDS and time.monotonic() < until):
        await pool.execute(OLD, look.tenant)
        milliseconds, sent = await _timed(browser, look.path)
        taken.append(milliseconds)
    p95 = sorted(taken)[math.ceil(len(taken) * 0.95) - 1]
    kilobytes = sent / 1000
    return [
        _measure(f"{look.name}: median", statistics.median(taken), "ms"),
        _measure(f"{look.name}: p95", p95, "ms", MOST_MS),
        _measure(f"{look.name}: sent", kilobytes, "kB", MOST_KB),
    ]


async def _first_looks(pool: Pool, browser: Browser) -> list[Measure]:
    """Where nothing is kept yet: once in the life of a tenant, or after a page's code changed."""
    await pool.execute("DELETE FROM kept_figures")
    found = []
    for name in ("", "/pendencias", "/fechamento"):
        milliseconds, _ = await _timed(browser, f"/e/{LARGE}{name}")
        found.append(_measure(f"first look ever: {name or 'overview'}", milliseconds, "ms"))
    return found


async def _timed(browser: Browser, path: str) -> tuple[float, int]:
    begun = time.perf_counter()
    async with browser.http.get(browser.base + path, headers={"Accept-Encoding": "gzip"}) as answer:
        await answer.read()
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status}")
        sent = int(answer.headers.get("Content-Length") or 0)
    return (time.perf_counter() - begun) * 1000, sent


def _measure(what: str, value: float, unit: str, most: float | None = None) -> Measure:
    return Measure(
        bench="pages",
        what=what,
        value=value,
        unit=unit,
        bar="" if most is None else f"< {most:.0f}",
        passed=None if most is None else value < most,
    )


def _environment(server: EmbeddedPostgres) -> dict[str, str]:
    return {
        "DATABASE_URL": server.url(),
        "REDIS_URL": "redis://127.0.0.1:1/0",  # away: pages show without it
        "SECRET_KEYS": base64.urlsafe_b64encode(KEY).decode(),
    }


async def _fill(pool: Pool) -> None:
    if await pool.fetchval("SELECT count(*) FROM tenants") != len(OTHERS) + 1:  # else it was kept
        async with pool.acquire() as conn:
            await conn.execute("SET statement_timeout = 0")
            await conn.execute(TENANTS, [LARGE, *OTHERS])
            await conn.execute(RULES, {"issue_when": "bill_paid"})
            await pages_data.fill(conn, LARGE, OTHERS, SIZE)
            await conn.execute("RESET statement_timeout")
    sealer = Sealer([KEY])
    for tenant, sales in ((LARGE, SIZE.large), *((one, SIZE.each) for one in OTHERS)):
        document = document_of(sales // 2)
        word = document_word(sealer, tenant, document)
        await pool.execute(WORDED, tenant, pages_data.word_of(document), word)


TENANTS: Final = """
    INSERT INTO tenants (tenant_id, name, plan, timezone, status, active_from)
    SELECT t, 'Banca ' || t, 'pro', 'America/Sao_Paulo', 'active', now() - interval '2 years'
      FROM unnest($1::text[]) AS t
"""
RULES: Final = """
    INSERT INTO rule_versions (tenant_id, version, rule, created_by)
    SELECT tenant_id, 1, $1::jsonb, 'bench' FROM tenants
"""
WORDED: Final = """
    UPDATE sales SET document_word = $3 WHERE tenant_id = $1 AND document_word = $2
"""


@asynccontextmanager
async def _owner(pool: Pool, base: str) -> AsyncIterator[Browser]:
    """Somebody who owns them all."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        browser = Browser(base=base, http=http)
        link = await invite_to(pool, Sealer([KEY]), LARGE, "owner")
        page = await browser.get(link)
        email = f"a{time.time_ns()}@exemplo.com"
        await browser.send(page, "/convite", nome="Ana", email=email, senha_nova=PASSWORD)
        await pool.execute(MEMBER, OTHERS)
        yield browser


MEMBER: Final = """
    INSERT INTO memberships (tenant_id, person_id, role, added_by)
    SELECT t, p.person_id, 'owner', 'bench' FROM unnest($1::text[]) AS t
     CROSS JOIN (SELECT person_id FROM people ORDER BY created_at DESC LIMIT 1) p
        ON CONFLICT DO NOTHING
"""
