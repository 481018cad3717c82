"""Signing in and out, and everything somebody may try instead."""

import asyncio

import pyotp
import pytest
from yarl import URL

from shared.commands.people import first_owner_link, password_link
from shared.commands.sign_in import Door, is_slowed_down
from shared.crypto.passwords import MOST_OF_SOURCE, Passwords
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import Rank
from tests.services.panel.support import PASSWORD, Browser, Panel, Seen

ANA = "ana@exemplo.com"
# So many that a slow machine does not wait them out.
MANY_FAILURES = "UPDATE sign_in_failures SET failures = 60, last_at = now()"


async def joined(panel: Panel, browser: Browser, email: str = ANA) -> TenantId:
    tenant = await panel.tenant()
    page = await browser.get(await panel.invitation(tenant, "owner"))
    page = await browser.send(page, "/convite", nome="Ana", email=email, senha_nova=PASSWORD)
    assert page.status == 200, page.text
    return tenant


async def sign_in(browser: Browser, password: str = PASSWORD, email: str = ANA) -> Seen:
    page = await browser.get("/entrar")
    return await browser.send(page, "/entrar", email=email, senha=password)


async def test_who_is_invited_makes_an_account_and_is_in(panel: Panel) -> None:
    async with panel.browser() as browser:
        tenant = await joined(panel, browser)

        assert (await browser.get("/conta")).status == 200
        await browser.send(await browser.get("/conta"), "/sair")
        assert (await browser.get("/conta")).url.startswith("/entrar")
        again = await sign_in(browser)

    assert again.url == f"/e/{tenant}"
    assert not any("convite/t" in address for address in browser.seen[1:])


async def test_the_first_owner_names_a_company_and_nobody_is_first_twice(panel: Panel) -> None:
    old = await first_owner_link(panel.pool, panel.sealer)
    token = await first_owner_link(panel.pool, panel.sealer)
    async with panel.browser() as browser:
        spent = await browser.get(f"/convite/{old}")
        page = await browser.get(f"/convite/{token}")
        nameless = await browser.send(
            page, "/convite", nome="Ana", email=ANA, senha_nova=PASSWORD, empresa=""
        )
        page = await browser.send(
            nameless, "/convite", senha_nova=PASSWORD, empresa="Escola Aurora"
        )

    assert spent.status == 404
    assert nameless.status == 422
    assert 'value="Ana"' in nameless.html
    assert page.url.startswith("/e/t")
    assert "Escola Aurora" in page.text
    assert await first_owner_link(panel.pool, panel.sealer) is None


async def test_an_invitation_is_used_once_and_only_by_its_address(panel: Panel) -> None:
    tenant = await panel.tenant()
    link = await panel.invitation(tenant, "accountant", "bia@exemplo.com")
    async with panel.browser() as bia, panel.browser() as other:
        page = await other.get(link)
        refused = await other.send(page, "/convite", nome="X", email=ANA, senha_nova=PASSWORD)
        mine = await bia.get(link)
        mine = await bia.send(mine, "/convite", nome="Bia", senha_nova=PASSWORD)
        late = await other.send(
            page, "/convite", nome="X", email="bia@exemplo.com", senha_nova=PASSWORD
        )

    assert refused.status == 422
    assert "outro endereço" in refused.text
    assert mine.status == 200
    assert late.status == 404


async def test_an_accountant_adds_a_second_company_to_the_account(panel: Panel) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        second = await panel.tenant("Padaria Boreal")
        page = await browser.get(await panel.invitation(second, "accountant"))
        page = await browser.send(page, "/convite")
        chooser = await browser.get("/")

    assert page.url == f"/e/{second}"
    assert "Padaria Boreal" in chooser.text
    assert "Escola Aurora" in chooser.text


@pytest.mark.parametrize("password", ["curta", "aaaaaaaaaaaaaaa", "ana@exemplo.com"])
async def test_a_password_that_will_not_do_is_said_at_its_field(
    panel: Panel, password: str
) -> None:
    async with panel.browser() as browser:
        page = await browser.get(await panel.invitation(await panel.tenant(), "owner"))
        page = await browser.send(page, "/convite", nome="Ana", email=ANA, senha_nova=password)

    assert page.status == 422
    assert 'aria-describedby="senha_nova-errado' in page.html
    assert password not in page.html or password == ANA


async def test_wrong_guesses_are_slowed_down_from_where_they_come_and_nowhere_else(
    panel: Panel,
) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
    async with panel.browser() as guesser, panel.browser() as owner:
        answers = [await sign_in(guesser, "não é esta mesmo") for _ in range(6)]
        right = await sign_in(guesser)
        # The owner comes from elsewhere: what others failed at is kept by their own address.
        await panel.pool.execute("UPDATE sign_in_failures SET source_word = '\\x00'::bytea")
        theirs = await sign_in(owner)

    assert [page.status for page in answers] == [422] * 6
    assert "não conferem" in answers[4].text
    assert "Aguarde" in answers[5].text
    assert "Aguarde" in right.text
    assert theirs.status == 200


async def test_whoever_shares_an_address_keeps_nobody_out_of_their_own_browser(
    panel: Panel,
) -> None:
    """An office, or a provider's many customers behind one address."""
    async with panel.browser() as browser, panel.browser() as new, panel.browser() as guesser:
        await joined(panel, browser)
        await browser.send(await browser.get("/conta"), "/sair")
        await sign_in(browser)
        await browser.send(await browser.get("/conta"), "/sair")
        await sign_in(guesser, "errada de todo")
        await panel.pool.execute(MANY_FAILURES)
        kept_out = await sign_in(new)
        known = await sign_in(browser)
        await browser.send(await browser.get("/conta"), "/sair")
        another = await sign_in(browser, "errada de todo", "y@exemplo.com")
        first = await sign_in(browser, "errada de todo")
        await panel.pool.execute(MANY_FAILURES)
        guess = await sign_in(browser)

    assert "Aguarde" in kept_out.text
    assert known.status == 200
    assert "Aguarde" in another.text
    assert "não conferem" in first.text
    assert "Aguarde" in guess.text


async def test_an_unknown_address_is_answered_like_a_wrong_password(panel: Panel) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
    async with panel.browser() as guesser:
        known = await sign_in(guesser, "errada de todo")
        unknown = await sign_in(guesser, "errada de todo", "quem@exemplo.com")

    assert known.text == unknown.text
    assert known.status == unknown.status == 422


async def test_a_new_password_signs_out_everywhere_but_here(panel: Panel) -> None:
    async with panel.browser() as here, panel.browser() as elsewhere:
        await joined(panel, here)
        await sign_in(elsewhere)
        before = here.cookie("notaponte")
        page = await here.get("/conta")
        wrong = await here.send(
            page, "/conta", senha="outra coisa", senha_nova="uma frase bem nova"
        )
        page = await here.send(page, "/conta", senha=PASSWORD, senha_nova="uma frase bem nova")

        assert wrong.status == 422
        assert "Senha alterada" in page.text
        assert here.cookie("notaponte") not in ("", before)
        assert (await elsewhere.get("/conta")).url.startswith("/entrar")
        assert (await sign_in(elsewhere)).status == 422
        assert (await sign_in(elsewhere, "uma frase bem nova")).status == 200


async def test_a_password_link_lets_in_once_and_ends_all_sessions(panel: Panel) -> None:
    async with panel.browser() as ana, panel.browser() as lost:
        await joined(panel, ana)
        person = PersonId(await panel.pool.fetchval("SELECT person_id FROM people"))
        token = await password_link(panel.pool, panel.sealer, person, by="tests")
        page = await lost.get(f"/senha/{token}")
        assert page.url == "/senha"
        page = await lost.send(page, "/senha", senha_nova="uma frase bem nova")

        assert page.status == 200
        assert (await ana.get("/conta")).url.startswith("/entrar")
        assert (await lost.get(f"/senha/{token}")).status == 404


async def test_a_session_given_to_somebody_before_they_sign_in_is_not_theirs_afterwards(
    panel: Panel,
) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
    async with panel.browser() as victim:
        victim.http.cookie_jar.update_cookies(
            {"notaponte": "a-word-the-attacker-knows"}, response_url=URL(victim.base)
        )
        await sign_in(victim)
        word = victim.cookie("notaponte")

    assert word not in ("", "a-word-the-attacker-knows")


async def test_the_database_holds_no_word_that_would_let_anybody_in(panel: Panel) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        word = browser.cookie("notaponte")
        kept = await panel.pool.fetch("SELECT to_jsonb(s)::text AS row FROM panel_sessions s")
        people = await panel.pool.fetch("SELECT to_jsonb(p)::text AS row FROM people p")

    assert kept
    assert not any(word in one["row"] for one in kept)
    assert not any(PASSWORD in one["row"] or ANA in one["row"] for one in people)


async def test_a_form_without_its_token_does_nothing(panel: Panel) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        bare = await browser.post("/conta", [("senha", PASSWORD), ("senha_nova", "x" * 12)])
        page = await browser.get("/conta")
        foreign = await browser.post(
            "/sair", page.form("/sair"), headers={"Sec-Fetch-Site": "cross-site"}
        )

        assert bare.status == 400
        assert foreign.status == 400
        assert (await browser.get("/conta")).status == 200


async def test_an_expired_session_keeps_what_was_typed_and_goes_on_where_it_was(
    panel: Panel,
) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        page = await browser.get("/conta")
        await panel.pool.execute("DELETE FROM panel_sessions")
        asked = await browser.post("/conta/codigo", [*page.form("/conta/codigo"), ("nota", "oi")])
        back = await browser.send(asked, "/entrar", email=ANA, senha=PASSWORD)

        assert asked.status == 401
        assert "Sua sessão terminou" in asked.text
        assert ("nota", "oi") in back.form("/conta/codigo")
        assert not any(name == "senha" for name, _ in back.form("/conta/codigo"))
        assert (await browser.send(back, "/conta/codigo")).status == 422


async def test_with_an_authenticator_the_password_alone_lets_nobody_in(panel: Panel) -> None:
    async with panel.browser() as browser, panel.browser() as again:
        await joined(panel, browser)
        page = await browser.get("/conta")
        secret = dict(page.form("/conta/codigo"))["segredo"]
        code = pyotp.TOTP(secret).now()
        page = await browser.send(page, "/conta/codigo", senha=PASSWORD, codigo=code)
        assert "O código está ligado" in page.text
        recovery = page.html.split("<li>")[-1].split("</li>")[0]

        half = await sign_in(again)
        assert (await again.get("/conta")).url.startswith("/entrar")
        half = await sign_in(again)
        wrong = await again.send(half, "/entrar/codigo", codigo="000000")
        done = await again.send(wrong, "/entrar/codigo", codigo=recovery)
        assert "não confere" in wrong.text
        assert done.status == 200
        assert (await again.get("/conta")).status == 200

    async with panel.browser() as thief:
        half = await sign_in(thief)
        spent = await thief.send(half, "/entrar/codigo", codigo=recovery)
    assert spent.status == 422


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil", "javascript:1"]
)
async def test_the_way_back_leads_nowhere_else(panel: Panel, back: str) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        page = await browser.get(f"/entrar?volta={back}")

    assert page.url.startswith("/e/t")


@pytest.mark.parametrize("role", ["support", "operator"])
async def test_our_own_people_join_by_invitation_too(panel: Panel, role: Rank) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant, role) as browser:
        page = await browser.get("/conta")

    assert page.status == 200


async def test_who_signs_in_beside_too_many_is_sent_away_in_words_and_nothing_is_counted(
    panel: Panel,
) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
    async with panel.browser() as crowd:
        page = await crowd.get("/entrar")
        asked = [
            asyncio.create_task(crowd.send(page, "/entrar", email=f"{n}@exemplo.com", senha="x"))
            for n in range(2 * MOST_OF_SOURCE)
        ]
        answers = await asyncio.gather(*asked)
    async with panel.pool.acquire() as conn:
        counted = await conn.fetchval("SELECT count(DISTINCT account_word) FROM sign_in_failures")

    refused = [one for one in answers if one.status == 503]
    assert refused
    assert "nada conta como erro seu" in refused[0].text
    assert counted - 1 <= len(answers) - len(refused), "one is of the source with all accounts"


async def test_tries_at_once_are_counted_one_after_the_other(panel: Panel) -> None:
    door = Door(pool=panel.pool, sealer=panel.sealer, passwords=Passwords())
    for number in range(20):
        tries = [is_slowed_down(door, f"source {number}", "ana") for _ in range(8)]
        found = await asyncio.gather(*tries)
        assert found.count(False) == 5, "those that are free, and not one lost to a deadlock"
