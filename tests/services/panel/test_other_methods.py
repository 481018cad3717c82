"""Every route by every other way of asking for it: nobody sees or does what they may not."""

import re
from collections.abc import Mapping
from http import HTTPMethod

import pytest
from yarl import URL

from services.panel.app import PAGES
from services.panel.kit.page import PanelPage
from shared.domain.people import RIGHTS, Rank, may
from shared.domain.sale import SaleStatus
from tests.services.panel.support import Browser, Panel
from tests.services.panel.test_every_route import OF_TENANT, address

OTHERS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
SECRET = b"Padaria"


async def ask(browser: Browser, method: str, path: str) -> tuple[int, Mapping[str, str], bytes]:
    """What comes back, and where it leads."""
    url = URL(browser.base + path, encoded=True)
    body = None if method in ("HEAD", "GET", "OPTIONS", "TRACE") else {"motivo": "x"}
    async with browser.http.request(method, url, data=body, allow_redirects=False) as answer:
        return answer.status, answer.headers, await answer.read()


def spellings(page: PanelPage, tenant: str) -> dict[str, str]:
    """The address, written otherwise."""
    plain = address(page, tenant)
    last = plain.rpartition("/")[2]
    return {
        "a slash more": f"{plain}/",
        "two slashes": plain.replace("/", "//", 1),
        "slashes within": plain[0] + plain[1:].replace("/", "//"),
        "encoded slashes": plain[0] + plain[1:].replace("/", "%2F"),
        "encoded letters": plain.replace(last, "".join(f"%{ord(one):02X}" for one in last))
        if last
        else plain,
        "dots": f"/x/..{plain}",
        "capitals": plain.upper() if len(plain) > 1 else "/.",
        "a path beside": f"{plain};a=b",
        "a NUL behind": f"{plain}%00",
        "twice the company": f"{plain}?tenant=x&tenant={tenant}",
    }


def test_http_has_no_other_methods_but_these() -> None:
    assert {one.value for one in HTTPMethod} - {"GET", "POST", "CONNECT"} <= set(OTHERS)


@pytest.mark.parametrize("role", ["accountant", "operator", "nobody"])
async def test_no_other_method_shows_or_does_more_than_the_page_would(
    panel: Panel, role: str
) -> None:
    tenant = await panel.tenant("Padaria Boreal")
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    ours = await panel.tenant()
    wrong: list[tuple[str, ...]] = []
    rank: Rank | None = next((one for one in RIGHTS if one == role), None)
    async with panel.browser() as nobody, panel.person(ours, rank or "owner") as somebody:
        browser = somebody if rank else nobody
        before = await panel.pool.fetchval("SELECT count(*) FROM audit")
        for page in PAGES:
            for method in OTHERS:
                status, headers, body = await ask(browser, method, address(page, tenant))
                if status >= 500 or SECRET in body or (method != "HEAD" and status < 400):
                    wrong.append((page.name, method, str(status)))
                if status == 405 and "Allow" not in headers:
                    wrong.append((page.name, method, "405 says nothing of what is allowed"))
                if method == "HEAD" and body:
                    wrong.append((page.name, method, "a body"))
        after = await panel.pool.fetchval("SELECT count(*) FROM audit")

    assert wrong == []
    assert after == before


async def test_a_head_is_answered_as_its_page_without_a_body(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    wrong: list[tuple[str, ...]] = []
    async with panel.person(tenant, "owner") as browser:
        for page in PAGES:
            if page.get is None:
                continue
            head, _, body = await ask(browser, "HEAD", address(page, tenant))
            get, _, _ = await ask(browser, "GET", address(page, tenant))
            if head != get or body:
                wrong.append((page.name, str(head), str(get)))

    assert wrong == []


@pytest.mark.parametrize("role", ["finance", "support", "nobody"])
async def test_an_address_written_otherwise_opens_no_other_door(panel: Panel, role: str) -> None:
    theirs, ours = await panel.tenant("Padaria Boreal"), await panel.tenant()
    await panel.sale(theirs, 4711, SaleStatus.HELD, "held_by_person")
    staff = role == "support"
    wrong: list[tuple[str, ...]] = []
    rank: Rank | None = next((one for one in RIGHTS if one == role), None)
    async with panel.browser() as nobody, panel.person(ours, rank or "owner") as somebody:
        browser = somebody if rank else nobody
        for place, page in enumerate(OF_TENANT):
            every = list(spellings(page, theirs).items())
            for how, path in (every[(place + n) % len(every)] for n in (0, 3, 6)):
                for method in ("GET", "POST"):
                    status, headers, body = await ask(browser, method, path)
                    seen_by_staff = staff and page.see and may("support", page.see)
                    if status >= 500 or (SECRET in body and not seen_by_staff):
                        wrong.append((page.name, how, method, str(status)))
                    to = headers.get("Location", "")
                    outside = re.match(r"//|https?://(?!127\.0\.0\.1:)", to)
                    if outside:
                        wrong.append((page.name, how, method, to))
                    if status < 300 and not seen_by_staff:
                        wrong.append((page.name, how, method, str(status)))

    assert wrong == []
