"""Links by mail, and coming in by another company's sign-in."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from joserfc.jwk import RSAKey

from services.panel.app import create_app
from services.sandbox.run import Sandbox
from shared.config.env import Env
from shared.config.settings import PanelSettings
from shared.config.ways_in import MailSettings, read_mail, read_oidc
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.domain.ids import TenantId
from tests.services.api.conftest import SECRET_KEY, serving
from tests.services.panel.support import PASSWORD, Browser, Panel, Seen
from tests.services.panel.ways_in import Postbox, Provider, a_postbox, a_provider

ANA = "ana@exemplo.com"


def mail_of(postbox: Postbox) -> MailSettings:
    with Env(values={"SMTP_URL": postbox.url, "SMTP_FROM": "notas@exemplo.com"}) as var:
        found = read_mail(var)
    assert found is not None
    return found


@pytest_asyncio.fixture
async def postbox() -> AsyncIterator[Postbox]:
    async with a_postbox() as made:
        yield made


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as made:
        yield made


@pytest_asyncio.fixture
async def doors(
    panel_settings: PanelSettings,
    pool: Pool,
    sandbox: Sandbox,
    postbox: Postbox,
    provider: Provider,
) -> AsyncIterator[Panel]:
    settings = replace(panel_settings, mail=mail_of(postbox), oidc=provider.settings())
    async with serving(create_app(settings)) as base:
        yield Panel(base=base, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))


async def joined(panel: Panel, browser: Browser, email: str = ANA) -> TenantId:
    tenant = await panel.tenant()
    page = await browser.get(await panel.invitation(tenant, "owner"))
    page = await browser.send(page, "/convite", nome="Ana", email=email, senha_nova=PASSWORD)
    assert page.status == 200, page.text
    return tenant


async def arrived(postbox: Postbox, count: int) -> None:
    async with asyncio.timeout(10):
        while len(postbox.received) < count:
            await asyncio.sleep(0.01)


async def by_other_door(browser: Browser, begin: str = "/entrar/externa") -> Seen:
    """Follow the button there and back; the address of the panel is another in tests."""
    away = await browser.get(begin, follow=False)
    assert away.status == 303, away.text
    async with browser.http.get(away.headers["Location"], allow_redirects=False) as answer:
        back = answer.headers["Location"]
    return await browser.get("/" + back.split("/", 3)[3])


async def test_an_invitation_goes_by_mail_and_is_not_shown(doors: Panel, postbox: Postbox) -> None:
    async with doors.browser() as ana, doors.browser() as bia:
        tenant = await joined(doors, ana)
        people = f"/e/{tenant}/configuracoes/pessoas"
        page = await ana.get(people)
        sent = await ana.send(page, people, email="bia@exemplo.com", papel="accountant")
        link = re.search(r"/convite/\S+", postbox.text())
        assert link is not None
        page = await bia.get(link[0])
        page = await bia.send(page, "/convite", nome="Bia", senha_nova=PASSWORD)

    assert "O link foi enviado para bia@exemplo.com." in sent.text
    assert "/convite/t" not in sent.html
    assert postbox.received[0]["Subject"] == "Convite para Escola Aurora no Notaponte"
    assert page.url == f"/e/{tenant}"


async def test_mail_that_does_not_leave_shows_the_link_instead(
    doors: Panel, postbox: Postbox
) -> None:
    postbox.refuses = True
    async with doors.browser() as ana:
        tenant = await joined(doors, ana)
        people = f"/e/{tenant}/configuracoes/pessoas"
        sent = await ana.send(await ana.get(people), people, email="b@exemplo.com", papel="owner")

    assert "O e-mail não saiu" in sent.text
    assert "/convite/t" in sent.html


async def test_an_invitation_sent_again_ends_the_one_before(doors: Panel, postbox: Postbox) -> None:
    async with doors.browser() as ana, doors.browser() as bia:
        tenant = await joined(doors, ana)
        people = f"/e/{tenant}/configuracoes/pessoas"
        page = await ana.send(await ana.get(people), people, email="b@exemplo.com", papel="finance")
        hashed = page.html.split('name="convite" value="')[1].split('"')[0]
        token = dict(page.form("/sair"))["csrf"]
        fields = [("csrf", token), ("convite", hashed), ("fazer", "renovar")]
        again = await ana.post(f"{people}/mudar", fields)
        other = ("csrf", dict(again.form("/sair"))["csrf"])
        twice = await ana.post(f"{people}/mudar", [other, *fields[1:]])
        links = [re.search(r"/convite/\S+", postbox.text(number)) for number in (0, 1)]
        answers = [(await bia.get(link[0])).status for link in links if link]

    assert "O link foi enviado" in again.text
    assert "já foi usado, retirado ou venceu" in twice.text
    assert answers == [404, 200]


async def test_a_forgotten_password_is_answered_alike_for_everybody(
    doors: Panel, postbox: Postbox
) -> None:
    async with doors.browser() as ana, doors.browser() as lost:
        await joined(doors, ana)
        page = await lost.get("/esqueci")
        unknown = await lost.send(page, "/esqueci", email="quem@exemplo.com")
        known = await lost.send(page, "/esqueci", email=ANA)
        wrong = await lost.send(page, "/esqueci", email="ana")
        await arrived(postbox, 1)
        link = re.search(r"/senha/\S+", postbox.text())
        assert link is not None
        page = await lost.get(link[0])
        page = await lost.send(page, "/senha", senha_nova="uma frase bem nova")

        assert page.status == 200
        assert (await ana.get("/conta")).url.startswith("/entrar")
    bare = [re.sub(r'value="[^"]*"', "", seen.html) for seen in (unknown, known)]
    assert bare[0] == bare[1]
    assert wrong.status == 422
    assert len(postbox.received) == 1
    assert postbox.received[0]["To"] == ANA


async def test_nobody_is_flooded_with_mail(doors: Panel, postbox: Postbox) -> None:
    async with doors.browser() as ana, doors.browser() as other:
        await joined(doors, ana)
        page = await other.get("/esqueci")
        for _ in range(9):
            assert (await other.send(page, "/esqueci", email=ANA)).status == 200
        await arrived(postbox, 5)
        await asyncio.sleep(0.3)

    assert len(postbox.received) == 5


async def test_without_a_mail_server_links_are_shown_and_nothing_is_offered(panel: Panel) -> None:
    async with panel.browser() as browser:
        assert (await browser.get("/esqueci")).status == 404
        assert (await browser.get("/entrar/externa")).status == 404
        page = await browser.get("/entrar")

    assert "Esqueci a senha" not in page.text
    assert "Entrar com" not in page.text


async def test_somebody_we_know_comes_in_by_the_other_door(
    doors: Panel, provider: Provider
) -> None:
    async with doors.browser() as ana:
        tenant = await joined(doors, ana)
    async with doors.browser() as browser:
        page = await by_other_door(browser)
        word = browser.cookie("notaponte")
        provider.email = "casada@exemplo.com"  # known by that door's own name from now on
    async with doors.browser() as again:
        later = await by_other_door(again, "/entrar/externa?volta=/conta")

    assert page.url == f"/e/{tenant}"
    assert word != ""
    assert later.url == "/conta"
    assert provider.asked[0]["code_challenge_method"] == "S256"
    kept = await doors.pool.fetch("SELECT to_jsonb(i)::text AS row FROM person_identities i")
    assert len(kept) == 1
    assert "sub-1" not in kept[0]["row"]


async def test_a_stranger_is_told_to_be_invited_and_an_invitation_is_enough(
    doors: Panel, provider: Provider
) -> None:
    tenant = await doors.tenant()
    provider.email, provider.name = "Bia@Exemplo.com", "Bia Lima"
    async with doors.browser() as browser:
        stranger = await by_other_door(browser)
        await browser.get(await doors.invitation(tenant, "accountant", "outra@exemplo.com"))
        other = await by_other_door(browser, "/entrar/externa?convite=1")
        page = await browser.get(await doors.invitation(tenant, "accountant", "bia@exemplo.com"))
        inside = await by_other_door(browser, "/entrar/externa?convite=1")
        account = await browser.get("/conta")
        password = await browser.get("/entrar")

    assert stranger.status == 403
    assert "Peça um convite" in stranger.text
    assert other.status == 404
    assert "Aceitar com Grupo Aurora" in page.text
    assert inside.url == f"/e/{tenant}"
    assert "Bia Lima" in account.text
    assert password.url.startswith("/e/")
    async with doors.browser() as guesser:
        page = await guesser.get("/entrar")
        for guess in ("", "-"):
            refused = await guesser.send(page, "/entrar", email="bia@exemplo.com", senha=guess)
            assert refused.status == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims": {"iss": "https://outro.example"}},
        {"claims": {"aud": "outro"}},
        {"claims": {"exp": 1_700_000_000}},
        {"claims": {"nonce": "de outra vez"}},
        {"claims": {"email_verified": "true"}},
        {"verified": False},
        {"signs_with": RSAKey.generate_key(2048, {"kid": "k1"})},
    ],
    ids=lambda wrong: next(iter(wrong.get("claims", wrong))),
)
async def test_a_word_that_is_not_that_doors_lets_nobody_in(
    doors: Panel, provider: Provider, wrong: dict[str, Any]
) -> None:
    async with doors.browser() as ana, doors.browser() as browser:
        await joined(doors, ana)
        for name, value in wrong.items():
            setattr(provider, name, value)
        page = await by_other_door(browser)

        assert page.status == 403
        assert (await browser.get("/conta")).url.startswith("/entrar")


async def test_an_answer_that_was_not_asked_for_here_or_came_twice_is_nothing(
    doors: Panel, provider: Provider
) -> None:
    async with doors.browser() as ana:
        await joined(doors, ana)
    async with doors.browser() as browser, doors.browser() as victim:
        away = await browser.get("/entrar/externa", follow=False)
        async with browser.http.get(away.headers["Location"], allow_redirects=False) as answer:
            back = "/" + answer.headers["Location"].split("/", 3)[3]
        forced = await victim.get(back)  # somebody else's answer, sent to a victim
        swapped = await browser.get(back.split("state=")[0] + "state=outro")
        late = await browser.get(back)

        for seen in (forced, swapped, late):
            assert seen.status == 403, seen.text
        assert (await victim.get("/conta")).url.startswith("/entrar")
        assert (await browser.get("/conta")).url.startswith("/entrar")


async def test_an_answer_that_is_loaded_once_more_leads_on(
    doors: Panel, provider: Provider
) -> None:
    async with doors.browser() as ana, doors.browser() as browser:
        tenant = await joined(doors, ana)
        away = await browser.get("/entrar/externa", follow=False)
        async with browser.http.get(away.headers["Location"], allow_redirects=False) as answer:
            back = "/" + answer.headers["Location"].split("/", 3)[3]
        first, again = await browser.get(back), await browser.get(back)

    assert first.url == again.url == f"/e/{tenant}"
    assert len(provider.asked) == 1


async def test_addresses_of_other_companies_may_be_kept_out(
    panel_settings: PanelSettings, pool: Pool, sandbox: Sandbox, provider: Provider
) -> None:
    settings = replace(panel_settings, oidc=provider.settings(domains=("aurora.example",)))
    async with serving(create_app(settings)) as base:
        panel = Panel(base=base, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))
        async with panel.browser() as ana, panel.browser() as browser:
            await joined(panel, ana)
            page = await by_other_door(browser)

    assert page.status == 403


async def test_the_other_door_away_is_said_and_the_password_still_works(
    panel_settings: PanelSettings, pool: Pool, sandbox: Sandbox, provider: Provider
) -> None:
    gone = provider.settings(issuer="http://127.0.0.1:9")
    async with serving(create_app(replace(panel_settings, oidc=gone))) as base:
        panel = Panel(base=base, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))
        async with panel.browser() as ana:
            await joined(panel, ana)
        async with panel.browser() as browser:
            page = await browser.get("/entrar/externa")
            inside = await browser.send(page, "/entrar", email=ANA, senha=PASSWORD)

    assert page.status == 403
    assert "Não foi possível falar com Grupo Aurora" in page.text
    assert inside.status == 200


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"SMTP_URL": "smtp://host"}, "SMTP_FROM"),
        ({"SMTP_FROM": "notas@exemplo.com"}, "SMTP_URL"),
        ({"SMTP_URL": "http://host", "SMTP_FROM": "notas@exemplo.com"}, "SMTP_URL"),
        ({"SMTP_URL": "smtp://host:x", "SMTP_FROM": "notas@exemplo.com"}, "SMTP_URL"),
        ({"OIDC_ISSUER": "https://id.example"}, "OIDC_CLIENT_ID"),
        ({"OIDC_ISSUER": "http://id.example", "OIDC_CLIENT_ID": "a"}, "OIDC_ISSUER"),
    ],
)
def test_half_a_door_is_refused_at_the_start(given: dict[str, str], wrong: str) -> None:
    var = Env(values=given)
    read_mail(var)
    read_oidc(var)

    assert any(line.startswith(wrong) for line in var.problems)


def test_a_mail_server_beyond_this_machine_is_spoken_to_in_secret() -> None:
    def read(url: str) -> MailSettings:
        with Env(values={"SMTP_URL": url, "SMTP_FROM": "notas@exemplo.com"}) as var:
            found = read_mail(var)
        assert found is not None
        return found

    far, whole = read("smtp://ana:se%40nha@mail.example"), read("smtps://mail.example")
    assert (far.port, far.start_tls, far.tls) == (587, True, False)
    assert (far.user, far.password.reveal()) == ("ana", "se@nha")
    assert (whole.port, whole.start_tls, whole.tls) == (465, False, True)
    assert "nha" not in repr(far)
