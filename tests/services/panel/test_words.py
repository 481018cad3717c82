"""Every page of a company that has lived, read for what nobody should have to read.

English, words that only our code and tables use, values that were not turned into words.
"""

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from html.parser import HTMLParser

import pytest_asyncio

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from shared.domain.description import VARIABLES
from shared.domain.messages import LABELS
from shared.domain.nota import NotaStatus
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import CASES, Acting, Fields, acting_company, last_month
from tests.services.panel.support import Seen
from tests.services.panel.test_graded import filled

BASE = f"/e/{TENANT}"
READ = {"aria-label", "title", "placeholder", "alt"}  # attributes that are read to somebody
ENGLISH = re.compile(
    r"\b(the|and|is|are|was|were|not|with|without|your|from|this|that|bill|sale|issue|issued|"
    r"held|hold|skip|skipped|queued|pending|denied|cancelled|uncertain|paused|active|tenant|"
    r"token|error|failed|unknown|retry|release|name|value|amount|customer|email|owner|finance|"
    r"accountant|operator|support|basic|running|completed|ready|working|loading|settings|search|"
    r"sign|sandbox|production|emitter|reconciler|backfill|outbox|rule|default|"
    r"true|false|none|null|undefined|nan)\b",
    re.IGNORECASE,
)
OURS = re.compile(r"\b(?:[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z]+)+)\b")
ISO = re.compile(r"(?<![\d/])20\d{2}-\d{2}(?:-\d{2})?(?:T[\d:.]+)?\b")
RAW = re.compile(r"object at 0x|<class|\{[a-z_]+\}|\bdict\(|\[\]|\(\)")
STATUSES = {status.value for status in (*LABELS, *NotaStatus)}
# What a company's own data, or somebody's else pages, are called.
NAMES = ("sandbox-app", "PARCEIRO-1", *(f"{{{word}}}" for word in VARIABLES))


class _Read(HTMLParser):
    """What is read of a page: its text and its labels; codes that are copied are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._codes = 0
        self._open: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.said += [value for name, value in given.items() if name in READ]
        if tag in ("input", "meta", "link", "br", "path", "line", "rect", "hr"):
            return
        code = "code" in given.get("class", "").split() or tag in ("script", "style")
        self._open.append(code)
        self._codes += code

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag not in ("path", "line", "rect"):
            self._codes -= self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._codes and data.strip():
            self.said.append(data.strip())


def read(seen: Seen) -> Iterator[str]:
    """Each piece of text of a page, as it is read."""
    reader = _Read()
    reader.feed(seen.html)
    for said in reader.said:
        plain = unescape(said)
        for name in NAMES:
            plain = plain.replace(name, "")
        yield plain


def odd(said: str) -> str:
    """What of a piece of text nobody should have to read; nothing for good text."""
    for pattern in (ENGLISH, OURS, ISO, RAW):
        if found := pattern.search(said):
            return found[0]
    return next((word for word in STATUSES if said == word), "")


def nonsense(fields: Fields) -> Fields:
    """What nobody offered, in every field that a person can reach."""
    kept = {"csrf", "visto", "uma_vez", "mes", "fazer", "mudar", "motivo", "regra", "versao"}
    return [(name, value if name in kept else "–?–") for name, value in fields]


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


def test_the_reader_finds_what_it_looks_for() -> None:
    assert [odd(said) for said in ("bill_paid", "2026-11-29", "None", "issued", "held by us")] == [
        "bill_paid",
        "2026-11-29",
        "None",
        "issued",
        "held",
    ]
    assert odd("A nota 12 foi autorizada em 29/11/2026 às 14:32.") == ""


async def test_no_page_shows_english_or_a_word_of_ours(company: Acting) -> None:
    wrong: dict[str, set[tuple[str, str]]] = {}

    def look(name: str, seen: Seen) -> None:
        if "text/html" not in seen.headers.get("Content-Type", ""):
            return
        found = {(word, said[:120]) for said in read(seen) if (word := odd(said))}
        if found:
            wrong.setdefault(name, set()).update(found)

    for name, case in CASES.items():
        if name not in ("account", "totp"):
            one = await case(company, 0)
            if one.back:
                look(f"{name} before", await one.browser.get(one.back))
            look(f"{name} after", await one.browser.post(one.path, one.fields))
            nothing = [pair for pair in one.fields if pair[0] == "csrf"]
            look(f"{name} empty", await one.browser.post(one.path, nothing))
    run = await company.panel.pool.fetchval("SELECT backfill_id FROM backfills LIMIT 1")
    job = await company.panel.pool.fetchval("SELECT job_id FROM bulk_jobs LIMIT 1")
    month = f"{last_month():%Y-%m}"
    ids = {"run": run, "job": job, "mes": month, "tipo": "xlsx", "dia": f"{last_month()}"}
    for page in PAGES:
        if page.get is not None:
            for kind, bill in company.bills.items():
                path = filled(page, TENANT, {**ids, "bill": str(bill)})
                look(f"{page.name} {kind}", await company.ours.get(path))
                if "{bill}" not in page.path:
                    break
    for role in ("finance", "accountant"):
        async with company.panel.person(TENANT, role) as browser:
            for path in ("", "/vendas", "/pendencias", "/configuracoes", "/fechamento", "/regra"):
                look(f"{role} {path}", await browser.get(BASE + path))

    assert {name: sorted(found) for name, found in wrong.items()} == {}
