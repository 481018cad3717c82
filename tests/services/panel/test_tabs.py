"""Several tabs of one browser at the door, and another site that sends forms in its name."""

from collections.abc import AsyncIterator

import pyotp
import pytest_asyncio

from services.panel.app import PAGES
from shared.domain.ids import TenantId
from tests.services.panel.support import PASSWORD, Browser, Panel, Seen
from tests.services.panel.test_every_route import address

ANA = "ana@exemplo.com"
OWN = {"Sec-Fetch-Site": "same-origin"}
OTHER_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://outro.example"}
Fields = list[tuple[str, str]]


@pytest_asyncio.fixture
async def at(panel: Panel) -> AsyncIterator[tuple[Browser, TenantId]]:
    """Ana's browser, and her company."""
    async with panel.browser() as browser:
        yield browser, await joined(panel, browser)


async def joined(panel: Panel, browser: Browser, email: str = ANA) -> TenantId:
    tenant = await panel.tenant()
    page = await browser.get(await panel.invitation(tenant, "owner"))
    page = await browser.send(page, "/convite", nome="Ana", email=email, senha_nova=PASSWORD)
    assert page.status == 200, page.text
    return tenant


def typed(page: Seen, action: str, **values: str) -> Fields:
    """A form of a page, filled in."""
    return [*((n, v) for n, v in page.form(action) if n not in values), *values.items()]


async def interrupted(browser: Browser, tenant: TenantId, name: str) -> Seen:
    """The page at the door that keeps a form which was sent after the session's end."""
    path = f"/e/{tenant}/configuracoes"
    page = await browser.get(path)
    await browser.post("/sair", page.form("/sair"))
    door = await browser.post(path, typed(page, path, nome=name), headers=OWN)
    assert door.status == 401
    return door


async def test_who_signs_in_by_one_tab_signs_in_by_the_other_too_and_loses_nothing(
    at: tuple[Browser, TenantId],
) -> None:
    browser, tenant = at
    one = await interrupted(browser, tenant, "Escola de um")
    other = await browser.get("/entrar")
    await browser.send(other, "/entrar", email=ANA, senha=PASSWORD)

    again = await browser.send(one, "/entrar", email=ANA, senha=PASSWORD)
    pressed = await browser.post("/entrar", typed(one, "/entrar", entrei="sim", email="", senha=""))

    path = f"/e/{tenant}/configuracoes"
    for seen in (again, pressed):
        assert seen.status == 200, seen.text
        assert ("nome", "Escola de um") in seen.form(path)
    sent = await browser.post(path, pressed.form(path), follow=False)
    assert sent.status == 303


async def test_who_says_that_they_entered_elsewhere_and_did_not_is_told(
    at: tuple[Browser, TenantId],
) -> None:
    browser, tenant = at
    one = await interrupted(browser, tenant, "Escola de um")
    told = await browser.post("/entrar", typed(one, "/entrar", entrei="sim", email="", senha=""))

    assert told.status == 422
    assert "ainda não entrou" in told.text
    assert ("guardado.nome", "Escola de um") in told.form("/entrar")


async def test_a_session_that_is_signed_in_over_is_nothing_afterwards(
    panel: Panel, at: tuple[Browser, TenantId]
) -> None:
    browser, _ = at
    tab = await browser.get("/conta")
    before = browser.cookie("notaponte")
    await browser.post("/sair", tab.form("/sair"))
    first, second = await browser.get("/entrar"), await browser.get("/entrar")
    await browser.send(first, "/entrar", email=ANA, senha=PASSWORD)
    between = browser.cookie("notaponte")
    await browser.send(second, "/entrar", email=ANA, senha=PASSWORD)

    assert len({before, between, browser.cookie("notaponte")}) == 3
    assert await panel.pool.fetchval("SELECT count(*) FROM panel_sessions") == 1
    assert (await browser.get("/conta")).status == 200


async def test_who_signs_out_in_one_tab_may_press_it_in_the_other_too(
    at: tuple[Browser, TenantId],
) -> None:
    browser, _ = at
    tab = await browser.get("/conta")
    first = await browser.post("/sair", tab.form("/sair"), follow=False)
    second = await browser.post("/sair", tab.form("/sair"), follow=False)

    for seen in (first, second):
        assert (seen.status, seen.headers["Location"]) == (303, "/entrar")


async def test_two_tabs_that_ask_for_the_code_both_go_on(
    panel: Panel, at: tuple[Browser, TenantId]
) -> None:
    browser, tenant = at
    page = await browser.get("/conta")
    secret = dict(page.form("/conta/codigo"))["segredo"]
    code = pyotp.TOTP(secret).now()
    page = await browser.send(page, "/conta/codigo", senha=PASSWORD, codigo=code)
    spare = [one.split("</li>")[0] for one in page.html.split("<li>")[-2:]]
    door = await interrupted(browser, tenant, "Escola de um")
    asked = await browser.send(door, "/entrar", email=ANA, senha=PASSWORD)
    other = await browser.send(await browser.get("/entrar"), "/entrar", email=ANA, senha=PASSWORD)
    inside = await browser.send(other, "/entrar/codigo", codigo=spare[0])
    late = await browser.send(asked, "/entrar/codigo", codigo=spare[1])

    assert inside.status == late.status == 200
    assert ("nome", "Escola de um") in late.form(f"/e/{tenant}/configuracoes")
    left = await panel.pool.fetchval("SELECT cardinality(recovery) FROM people")
    assert left == 7, "the second code was not needed"


async def test_a_page_at_the_door_that_lost_its_visit_keeps_what_was_typed(panel: Panel) -> None:
    tenant = await panel.tenant()
    link = await panel.invitation(tenant, "owner")
    async with panel.browser() as browser:
        page = await browser.get(link)
        browser.http.cookie_jar.clear(lambda morsel: morsel.key == "notaponte-visita")
        fields = typed(page, "/convite", nome="Ana", email=ANA, senha_nova=PASSWORD)
        told = await browser.post("/convite", fields, headers=OWN)
        foreign = await browser.post("/convite", fields, headers=OTHER_SITE)
        done = await browser.send(told, "/convite", senha_nova=PASSWORD)

    assert told.status == 422
    assert "envie de novo" in told.text
    assert {("nome", "Ana"), ("email", ANA)} <= set(told.form("/convite"))
    assert foreign.status == 400
    assert ANA not in foreign.html
    assert done.url == f"/e/{tenant}"


async def test_an_invitation_is_not_taken_for_who_signed_in_by_another_tab(panel: Panel) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        await browser.send(await browser.get("/conta"), "/sair")
        second = await panel.tenant("Padaria Boreal")
        page = await browser.get(await panel.invitation(second, "finance"))
        await browser.send(await browser.get("/entrar"), "/entrar", email=ANA, senha=PASSWORD)
        told = await browser.send(
            page, "/convite", nome="Bia", email="bia@exemplo.com", senha_nova=PASSWORD
        )
        nobody = await panel.pool.fetchval(
            "SELECT count(*) FROM memberships WHERE tenant_id = $1", second
        )
        taken = await browser.send(told, "/convite")

    assert told.status == 422
    assert "Você entrou em outra aba" in told.text
    assert nobody == 0
    assert taken.url == f"/e/{second}"


async def test_another_sites_form_signs_nobody_out_and_is_never_kept(
    panel: Panel, at: tuple[Browser, TenantId]
) -> None:
    """A browser leaves our cookies out of what another site sends: it looks like a stranger's."""
    _, tenant = at
    wrong = []
    async with panel.browser() as as_if:
        for page in PAGES:
            if page.post is None:
                continue
            for headers in (OTHER_SITE, {"Origin": "https://outro.example"}, {}):
                seen = await as_if.post(
                    address(page, tenant),
                    [("nome", "Escola do outro"), ("motivo", "Escola do outro")],
                    headers=headers,
                    follow=False,
                )
                as_if.http.cookie_jar.clear()
                if "Escola do outro" in seen.html:
                    wrong.append((page.name, "kept"))
                if any(one.startswith("notaponte=") for one in seen.cookies):
                    wrong.append((page.name, "signs out"))
                if not page.door and any("notaponte-visita=" in one for one in seen.cookies):
                    wrong.append((page.name, "forgets the visit"))

    assert wrong == []
