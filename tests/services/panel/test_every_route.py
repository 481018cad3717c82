"""Every route of the table, tried by strangers, by other companies and by roles without the right.

The routes come from the table that serves them: a new page is tried without being named here.
"""

import re
from http.cookies import SimpleCookie

import pytest

from services.panel.app import PAGES
from services.panel.kit.headers import SAFE
from services.panel.kit.page import PanelPage
from shared.config.settings import PanelSettings
from shared.domain.ids import TenantId
from shared.domain.people import RIGHTS, Rank, may
from shared.domain.sale import SaleStatus
from tests.services.panel.support import Browser, Panel, Seen

OF_TENANT = [page for page in PAGES if page.of_tenant]
NOBODY = TenantId("tzzzzzzzzzz")


def address(page: PanelPage, tenant: str) -> str:
    filled = page.path.replace("{tenant}", tenant)
    return re.sub(r"\{[a-z]+\}", "4711", filled)


async def tried(browser: Browser, page: PanelPage, tenant: str, token: str = "") -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for method in page.handlers:
        if method == "GET":
            found["GET"] = await browser.get(address(page, tenant), follow=False)
        else:
            fields = [("csrf", token), ("motivo", "tentativa"), ("chamado", "1")]
            found["POST"] = await browser.post(address(page, tenant), fields, follow=False)
    return found


async def token_of(browser: Browser) -> str:
    page = await browser.get("/conta")
    return dict(page.form("/sair"))["csrf"]


def test_the_table_has_pages_of_every_kind() -> None:
    assert len(OF_TENANT) >= 8
    assert any(page.do for page in OF_TENANT)
    assert all(page.see for page in OF_TENANT)
    assert len({page.path for page in PAGES}) == len(PAGES)


def test_whatever_is_posted_at_a_company_needs_a_right_or_changes_nothing() -> None:
    only_looks = {"sales", "log"}  # their forms become addresses

    assert {page.name for page in OF_TENANT if page.post and not page.do} == only_looks


async def test_a_stranger_is_sent_to_the_door_and_told_nothing(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    wrong = []
    async with panel.browser() as browser:
        for page in PAGES:
            if page.door:
                continue
            for method, seen in (await tried(browser, page, tenant)).items():
                to_the_door = seen.status == 303 and "/entrar" in seen.headers["Location"]
                if not (to_the_door or (method == "POST" and seen.status == 401)):
                    wrong.append((page.name, method, seen.status))
                if "Padaria" in seen.text or "Escola" in seen.text:
                    wrong.append((page.name, method, seen.status))

    assert wrong == []


async def test_another_company_is_not_there_whoever_asks(panel: Panel) -> None:
    ours, theirs = await panel.tenant(), await panel.tenant("Padaria Boreal")
    await panel.sale(theirs, 4711, SaleStatus.HELD, "held_by_person")
    wrong = []
    async with panel.person(ours, "owner") as browser:
        token = await token_of(browser)
        for page in OF_TENANT:
            for tenant in (theirs, NOBODY, "tshort", "t%00aaaaaaaaa"):
                for method, seen in (await tried(browser, page, tenant, token)).items():
                    if seen.status != 404 or "Boreal" in seen.text:
                        wrong.append((page.name, method, tenant, seen.status))

    assert wrong == []


@pytest.mark.parametrize("role", sorted(RIGHTS))
async def test_a_role_reaches_what_it_has_the_right_to_and_nothing_else(
    panel: Panel, role: Rank
) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    wrong = []
    async with panel.person(tenant, role) as browser:
        token = await token_of(browser)
        for page in PAGES:
            if page.door or (page.see is None and page.do is None):
                continue
            for method, seen in (await tried(browser, page, tenant, token)).items():
                needed = [page.see, page.do if method == "POST" else None]
                allowed = all(right is None or may(role, right) for right in needed)
                if allowed == (seen.status == 403) or seen.status >= 500:
                    wrong.append((page.name, method, seen.status))

    assert wrong == []


async def test_a_session_stolen_by_its_form_token_alone_is_no_session(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant) as ana, panel.browser() as thief:
        token = await token_of(ana)
        for page in OF_TENANT:
            for seen in (await tried(thief, page, tenant, token)).values():
                assert seen.status in (303, 401)


async def test_a_form_of_one_session_is_nothing_in_another(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant) as ana, panel.person(tenant) as bia:
        theirs = await token_of(ana)
        for page in OF_TENANT:
            if page.post:
                seen = (await tried(bia, page, tenant, theirs))["POST"]
                assert seen.status == 400, page.name


async def test_every_answer_says_what_a_browser_must_not_do(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant) as browser:
        pages = [await browser.get(address(page, tenant)) for page in PAGES if page.get]
    async with panel.browser() as stranger:
        pages += [await stranger.get(path) for path in ("/entrar", "/nada", "/convite/x", "/e/x")]

    for seen in pages:
        assert {name: seen.headers[name] for name in SAFE} == SAFE
        assert seen.headers["Cache-Control"] == "no-store"
        policy = seen.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "Server" not in seen.headers or "uvicorn" in seen.headers["Server"]


async def test_pages_hold_nothing_that_the_policy_would_stop(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    async with panel.person(tenant) as browser:
        pages = [await browser.get(address(page, tenant)) for page in PAGES if page.get]

    for seen in pages:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", seen.html)
        assert not re.search(r"<script(?![^>]*\ssrc=\"/ativos/)", seen.html)
        for target in re.findall(r'(?:src|href|action)="([^"]*)"', seen.html):
            assert target.startswith(("/", "#", "https://app.vindi.com.br/")), target


async def test_styles_and_scripts_are_named_by_their_content_and_kept_for_a_year(
    panel: Panel,
) -> None:
    async with panel.browser() as browser:
        page = await browser.get("/entrar")
        paths = set(re.findall(r'"(/ativos/[^"]+)"', page.html))
        assets = [await browser.get(path) for path in sorted(paths)]
        other = await browser.get("/ativos/panel.0000000000000000.css")

    assert len(assets) == 3
    assert {seen.status for seen in assets} == {200}
    assert all("immutable" in seen.headers["Cache-Control"] for seen in assets)
    assert other.status == 404
    assert "immutable" not in other.headers["Cache-Control"]


async def test_cookies_are_for_this_host_and_no_script_reads_them(
    panel: Panel, panel_settings: PanelSettings
) -> None:
    tenant = await panel.tenant()
    async with panel.browser() as invited, panel.browser() as other:
        first = await invited.get(await panel.invitation(tenant, "owner"), follow=False)
        page = await other.get("/entrar", follow=False)
    for seen in (first, page):
        kept = SimpleCookie(seen.headers["Set-Cookie"])
        for morsel in kept.values():
            assert morsel["httponly"]
            assert morsel["samesite"] == "lax"
            assert morsel["path"] == "/"

    assert panel_settings.public_url.startswith("http://127.0.0.1")


async def test_no_name_and_no_document_ever_stands_in_an_address(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    words = ("529.982.247-25", "52998224725", "Padaria", "padaria")
    async with panel.person(tenant) as browser:
        for word in words:
            page = await browser.get(f"/e/{tenant}/vendas")
            found = await browser.send(page, f"/e/{tenant}/vendas", busca=word)
            assert found.status == 200
            assert f'value="{word}"' in found.html
        addresses = " ".join(browser.seen)

    assert not any(word in addresses for word in words)
    assert not any(f"convite/{tenant}" in one for one in browser.seen[1:])


def test_over_https_cookies_cannot_be_set_by_a_neighbour() -> None:
    from starlette.responses import Response

    from services.panel.kit.cookies import Jar

    response = Response()
    Jar(encrypted=True).keep_session(response, "word")

    assert response.headers["Set-Cookie"].startswith("__Host-notaponte=word;")
    assert "Secure" in response.headers["Set-Cookie"]


async def test_no_page_answers_an_address_with_a_document_in_it(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    names = ("palavras", "b", "motivo", "de", "status", "volta", "mes", "tabela", "q", "busca")
    async with panel.person(tenant, "owner") as browser, panel.browser() as stranger:
        for who in (browser, stranger):
            for page in (page for page in PAGES if page.get):
                for written in ("529.982.247-25", "52998224725", "x%2011222333000181"):
                    asked = "&".join(f"{name}={written}" for name in names)
                    seen = await who.get(f"{address(page, tenant)}?c=moment&{asked}", follow=False)

                    assert seen.status == 303, page.name
                    assert seen.headers["Location"] == f"{address(page, tenant)}?c=moment"


async def test_a_bills_number_or_an_amount_may_have_as_many_digits(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant) as browser:
        seen = await browser.get(
            f"/e/{tenant}/vendas?antes=52998224725&minimo=10000000000", follow=False
        )

    assert seen.status == 200
