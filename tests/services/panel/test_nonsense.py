"""Whatever is typed, pasted or forged, in every field, parameter and address: told, in Portuguese.

Never a fault of ours. Forms come from the pages themselves, addresses from the table that serves
them, parameters from what pages read. `NOTAPONTE_NONSENSE=all` tries everything everywhere.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio
from yarl import URL

from services.panel.app import PAGES
from services.panel.kit.page import PanelPage
from services.panel.show.rule import NEW, carried, stored
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import BASE, CASES, Acting, Sending, acting_company
from tests.services.panel.support import Browser, Panel, Seen
from tests.services.panel.test_graded import real_ids
from tests.services.panel.test_sent_twice import sent

EVERYTHING = os.environ.get("NOTAPONTE_NONSENSE") == "all"
SHARE = 9  # of what is tried everywhere, one in so many at each place
PANEL = Path(__file__).parents[3] / "services" / "panel"
READS = re.compile(
    r"""(?:given|query_params)(?:\.get\(|\.getlist\(|\[)"([a-z_]+)"|_param\(visit, "([a-z_]+)"""
)

# As they travel: percent and plus mean what they mean in a form.
NONSENSE = {
    "nothing": "",
    "a blank": "+",
    "NUL": "a%00b",
    "half a pair": "%ED%A0%80",
    "no UTF-8": "%FF%FE%C0%AF",
    "cut short": "%E2%82",
    "bare percent": "%",
    "the other way": "%E2%80%AEabc%E2%80%8B%EF%BB%BF",
    "controls": "a%01%1B%5B0m%7F%C2%85",
    "lines": "a%0D%0Ab%E2%80%A8c",
    "marks": "a" + "%CC%81" * 500,
    "emoji": "%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7" * 20,
    "markup": "%3Cscript%3Ealert(1)%3C/script%3E%22%27%60",
    "a template": "%7B%7B7*7%7D%7D%7B0.__class__%7D%7Bprodutos%7D%25s",
    "quotes": "%27%3B--%5C%25_",
    "superscript": "%C2%B2",
    "other digits": "%D9%A1%D9%A2%EF%BC%91",
    "digits": "9" * 19,
    "many digits": "9" * 4000,
    "minus": "-1",
    "zero": "0",
    "a float": "1e400",
    "not a number": "NaN",
    "underscored": "1_000",
    "month 13": "2026-13",
    "a month of year 9999": "9999-12",
    "a month of year 1": "0001-01",
    "day 0": "2026-00-00",
    "year 1": "0001-01-01",
    "year 9999": "9999-12-31",
    "a week": "2026-W01-1",
    "31/13/9999": "31/13/9999",
    "an instant": "0001-01-01T00:00:00%2B23:59~act~x",
    "a far instant": "9999-12-31T23:59:59-23:59~sale~%00",
    "an amount": "99.999.999.999.999,99",
    "a list": "[1,2",
    "deep": "[" * 5000,
    "deep facts": '["m",[],' + "[" * 5000,
    "long": "x" * 5000,
    "a path": "../../../etc/passwd",
    "another host": "//evil.example/x",
}
# Of a form, where more has room.
LONG = {"longest": "x" * 200_000, "deepest": "[" * 100_000, "pairs": "%F0%9F%98%80" * 20_000}


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


def share(place: int, values: dict[str, str]) -> Iterator[tuple[str, str]]:
    for number, one in enumerate(values.items()):
        if EVERYTHING or (number + place) % SHARE == 0:
            yield one


def wrong(seen: Seen) -> str:
    """What is wrong with an answer to nonsense."""
    if seen.status >= 500:
        return f"{seen.status}"
    kind = seen.headers.get("Content-Type", "")
    if seen.status < 400 or not kind.startswith("text/html"):
        return "" if seen.status < 400 else f"{seen.status} is no page"
    if 'lang="pt-BR"' not in seen.html or "<h1" not in seen.html:
        return f"{seen.status} says nothing"
    return "" if "<a " in seen.html or "<button" in seen.html else f"{seen.status} leads nowhere"


async def asked(browser: Browser, path: str) -> Seen:
    """An address as it is written here, not as a client would put it right."""
    url = URL(browser.base + path, encoded=True)
    async with browser.http.get(url, allow_redirects=False) as answer:
        raw = await answer.read()
        return Seen(
            status=answer.status,
            url=path,
            headers=dict(answer.headers),
            html=raw.decode("utf-8", "replace"),
            raw=raw,
        )


async def posted(browser: Browser, path: str, body: str | bytes, kind: str = "") -> Seen:
    """A form as it is written here."""
    headers = {"Content-Type": kind or "application/x-www-form-urlencoded"}
    async with browser.http.post(
        browser.base + path, data=body, headers=headers, allow_redirects=False
    ) as answer:
        raw = await answer.read()
        return Seen(
            status=answer.status,
            url=path,
            headers=dict(answer.headers),
            html=raw.decode("utf-8", "replace"),
            raw=raw,
        )


def parameters() -> list[str]:
    """Every parameter of an address that pages read."""
    sources = [*PANEL.glob("pages/*.py"), PANEL / "show" / "filters.py"]
    found = [pair for one in sources for pair in READS.findall(one.read_text(encoding="utf-8"))]
    return sorted({name for pair in found for name in pair if name})


def address(page: PanelPage, ids: dict[str, str]) -> str:
    path = page.path.replace("{tenant}", TENANT)
    return re.sub(r"\{([a-z]+)\}", lambda found: ids.get(found[1], "4711"), path)


def test_parameters_are_found_where_pages_read_them() -> None:
    assert {"antes", "busca", "de", "depois", "mes", "motivo", "pagina", "volta"} <= {
        *parameters(),
        "busca",
    }
    assert len(parameters()) > 25


async def test_no_parameter_of_an_address_is_a_fault_of_ours(company: Acting) -> None:
    ids = await real_ids(company.panel, company.bills)
    names, found = parameters(), []
    for place, page in enumerate(page for page in PAGES if page.get):
        for called, value in share(place, NONSENSE):
            # A head of more than some kilobytes is the door's, not a page's.
            some = names if len(value) < 200 else [names[(place + n) % len(names)] for n in (0, 9)]
            query = "&".join(f"{name}={value}" for name in some)
            doubled = f"{query}&{names[0]}=1&{names[-1]}=" if place % 2 else query
            seen = await asked(company.ours, f"{address(page, ids)}?{doubled}")
            if trouble := wrong(seen):
                found.append((page.name, called, trouble))

    assert found == []


async def test_no_part_of_an_address_is_a_fault_of_ours(company: Acting) -> None:
    found = []
    pages = [page for page in PAGES if re.search(r"\{(?!tenant)", page.path)]
    for place, page in enumerate(pages):
        for called, value in share(place, NONSENSE):
            within = value.replace("+", "%20").replace("/", "%2F") or "%20"
            path = page.path.replace("{tenant}", TENANT)
            path = re.sub(r"\{[a-z]+\}", lambda _, w=within: w, path)  # type: ignore[misc]
            seen = [await asked(company.ours, path)]
            if page.post:
                token = dict((await company.ours.get("/conta")).form("/sair"))["csrf"]
                seen.append(
                    await posted(company.ours, path, f"csrf={quote(token)}&chamado=1&motivo=x")
                )
            found += [(page.name, called, told) for one in seen if (told := wrong(one))]

    assert len(pages) >= 10
    assert found == []


def encoded(one: Sending, name: str, value: str) -> str:
    """The form with nonsense in one field; as if its page had shown no state of things."""
    told = [
        f"{quote(field)}={value if field == name else quote(given)}"
        for field, given in one.fields
        if field != "visto" or name == "visto"
    ]
    return "&".join(told)


@pytest.mark.timeout(1200 if EVERYTHING else 120)
async def test_no_field_of_a_form_is_a_fault_of_ours(company: Acting) -> None:
    found, place = [], 0
    for case, make in CASES.items():
        if case in ("reset", "people_change"):  # whoever was invited before has an odd name
            await sent(await CASES["invitation"](company, place))
        one = await make(company, 0)
        for name in dict.fromkeys(field for field, _ in one.fields if field != "csrf"):
            place += 1
            for called, value in share(place, {**NONSENSE, **LONG}):
                seen = await posted(one.browser, one.path, encoded(one, name, value))
                if trouble := wrong(seen):
                    found.append((case, name, called, trouble))

    assert place > 100
    assert found == []


async def test_a_form_in_another_shape_is_told_and_does_nothing(company: Acting) -> None:
    found = []
    token = dict((await company.ana.get("/conta")).form("/sair"))["csrf"]
    parts = f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{token}\r\n--x--\r\n'
    many = "&".join(f"a{n}=1" for n in range(10_000))
    shapes: dict[str, tuple[str | bytes, str]] = {
        "parts": (parts, "multipart/form-data; boundary=x"),
        "parts without an end": (parts[:40], "multipart/form-data"),
        "JSON": ('{"csrf": "x"}', "application/json"),
        "no kind": (f"csrf={quote(token)}", "a/b; charset=utf-16"),
        "bytes": (bytes(range(256)) * 8, "application/x-www-form-urlencoded; charset=latin-1"),
        "UTF-16": (f"csrf={token}&motivo=x".encode("utf-16"), ""),
        "a megabyte": (f"csrf={quote(token)}&motivo={'x' * 1_000_000}", ""),
        "ten thousand fields": (f"csrf={quote(token)}&{many}", ""),
        "too many fields": (f"csrf={quote(token)}&" + "&" * 200_000, ""),
        "nothing": ("", ""),
        "only signs": ("&=&==&;&", ""),
        "twice": (f"csrf={quote(token)}&motivo=a&motivo=b&chamado=1&chamado=2", ""),
    }
    for place, page in enumerate(page for page in PAGES if page.post):
        path = address(page, {})
        for number, (called, (body, kind)) in enumerate(shapes.items()):
            if EVERYTHING or (number + place) % 4 == 0:
                seen = await posted(company.ana, path, body, kind)
                if trouble := wrong(seen):
                    found.append((page.name, called, trouble))

    assert found == []


async def raw(panel: Panel, request: bytes) -> bytes:
    """Send bytes; what comes back before the other side ends it."""
    url = urlsplit(panel.base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(request)
    try:
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


HEADS = {
    "bytes in the query": b"GET /entrar?volta=\xff\xfe%FF HTTP/1.1\r\nHost: x\r\n",
    "bytes in the path": b"GET /entrar\xff HTTP/1.1\r\nHost: x\r\n",
    "an open bracket": b"GET /entrar HTTP/1.1\r\nHost: [::1\r\n",
    "no host at all": b"GET /entrar HTTP/1.1\r\nHost: \r\n",
    "a host of bytes": b"GET /entrar/ HTTP/1.1\r\nHost: \xff\xbd\r\n",
    "a path as host": b"GET /entrar/ HTTP/1.1\r\nHost: a/b?c#d@e\r\n",
    "a port that cannot be": b"GET /conta HTTP/1.1\r\nHost: x:99999999\r\n",
    "the whole address": b"GET http://[/entrar HTTP/1.1\r\nHost: x\r\n",
    "two slashes": b"GET //evil.example/%2e%2e HTTP/1.1\r\nHost: x\r\n",
    "odd cookies": b"GET /conta HTTP/1.1\r\nHost: x\r\n"
    b"Cookie: notaponte=\xff; notaponte; =;;a=\x80\r\n",
    "an odd visit": b"GET /entrar HTTP/1.1\r\nHost: x\r\nCookie: notaponte-visita=\xe9\xff\r\n",
    "an odd link": b"GET /convite HTTP/1.1\r\nHost: x\r\nCookie: notaponte-convite=\xe9.\xff\r\n",
    "an odd word": b"GET /entrar HTTP/1.1\r\nHost: x\r\nCookie: notaponte-recado=\xe9{}\r\n",
    "an odd errand": b"GET /entrar/externa/volta?code=1&state=\xff HTTP/1.1\r\nHost: x\r\n"
    b"Cookie: notaponte-externa=\xe9\r\n",
    "an odd origin": b"POST /conta HTTP/1.1\r\nHost: x\r\nOrigin: http://[\xff\r\n"
    b"Content-Length: 0\r\n",
    "an odd way": b"GET /entrar HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \xff,[::1,,\r\n",
    "an odd length": b"POST /entrar HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n",
    "a made method": b"FOO /entrar HTTP/1.1\r\nHost: x\r\n",
}


@pytest.mark.parametrize("name", HEADS)
async def test_no_head_of_a_request_is_a_fault_of_ours(panel: Panel, name: str) -> None:
    tail = b"Connection: close\r\n\r\n" + (b"a=%" if "odd length" in name else b"")
    answer = await raw(panel, HEADS[name] + tail)
    status = int(answer.split(b" ", 2)[1])

    assert status < 500, answer[:300]


def test_a_rule_that_no_page_wrote_is_none() -> None:
    told = carried(NEW)
    assert stored(told) == NEW
    for odd in ('"a\\u0000b"', '"a\\ud800b"', "[" * 100_000, '{"a":' * 50_000):
        spoilt = told.replace('"exceptions": []', f'"exceptions": [{odd}]')
        assert spoilt != told
        assert stored(spoilt) is None
    assert stored("") is stored("[]") is stored("null") is None


async def test_a_rule_of_odd_words_is_told_or_put_and_never_a_fault(company: Acting) -> None:
    one = await CASES["rule_put"](company, 0)
    rule = dict(one.fields)["regra"]
    found = []
    for called, word in (("NUL", "\\u0000"), ("half a pair", "\\ud800"), ("bell", "\\u0007")):
        spoilt = rule.replace('"product_code": ["CURSO"]', f'"product_code": ["a{word}b"]')
        assert spoilt != rule
        told = [(n, spoilt if n == "regra" else v) for n, v in one.fields if n != "visto"]
        seen = await one.browser.post(one.path, told, follow=False)
        if trouble := wrong(seen):
            found.append((called, trouble))

    assert found == []
    assert BASE in one.path
