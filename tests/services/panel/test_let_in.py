"""Links, passwords and codes that somebody else has, too, or that are used otherwise than meant."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pyotp
import pytest
import pytest_asyncio

from services.panel.app import create_app
from services.sandbox.run import Sandbox
from shared.commands.lost_passwords import MOST_OPEN, forgotten_password
from shared.commands.people import find_link, password_link, password_link_for_member
from shared.commands.sign_in import Door, Entered, WrongPassword, give_code, sign_in
from shared.config.settings import PanelSettings
from shared.crypto.passwords import Passwords
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.people import people_store, sessions_store
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import plain_name
from tests.services.api.conftest import SECRET_KEY, serving
from tests.services.panel.support import PASSWORD, Browser, Panel, Seen
from tests.services.panel.test_door import MANY_FAILURES
from tests.services.panel.test_other_doors import by_other_door
from tests.services.panel.test_tabs import ANA, joined
from tests.services.panel.ways_in import Provider, a_provider

NEW = "uma frase bem nova"


async def role_at(panel: Panel, tenant: TenantId) -> str:
    found = await panel.pool.fetch("SELECT role FROM memberships WHERE tenant_id = $1", tenant)
    assert len(found) == 1
    return str(found[0]["role"])


async def ana(panel: Panel) -> PersonId:
    return PersonId(await panel.pool.fetchval("SELECT person_id FROM people"))


def door_of(panel: Panel) -> Door:
    return Door(pool=panel.pool, sealer=panel.sealer, passwords=Passwords())


@pytest.mark.parametrize("role", ["accountant", "finance", "owner"])
async def test_an_owner_who_tries_an_invitation_out_stays_owner_and_leaves_it_for_others(
    panel: Panel, role: str
) -> None:
    async with panel.browser() as browser, panel.browser() as other:
        tenant = await joined(panel, browser)
        people = f"/e/{tenant}/configuracoes/pessoas"
        page = await browser.send(await browser.get(people), people, papel=role, email="")
        link = "/convite/" + page.html.split("/convite/")[1].split('"')[0]
        page = await browser.get(link)
        told = await browser.send(page, "/convite")
        left = await role_at(panel, tenant)
        meant = await other.send(
            await other.get(link), "/convite", nome="Bia", email="b@exemplo.com", senha_nova=NEW
        )

    assert left == "owner"
    assert told.status == 422
    assert "já tem acesso a esta empresa" in told.text
    assert meant.url == f"/e/{tenant}"


async def test_an_invitation_may_give_a_member_more(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant, "accountant") as caio:
        page = await caio.get(await panel.invitation(tenant, "finance"))
        page = await caio.send(page, "/convite")

    assert page.url == f"/e/{tenant}"
    assert await role_at(panel, tenant) == "finance"


async def test_who_is_signed_in_as_somebody_else_is_told_so_and_the_invitation_stays(
    panel: Panel,
) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        second = await panel.tenant("Padaria Boreal")
        link = await panel.invitation(second, "finance", "bia@exemplo.com")
        told = await browser.send(await browser.get(link), "/convite")
        await browser.send(told, "/sair")
        page = await browser.get("/convite")
        page = await browser.send(page, "/convite", nome="Bia", senha_nova=NEW)

    assert told.status == 422
    assert "feito para outro e-mail" in told.text
    assert page.url == f"/e/{second}"


async def test_an_invitation_is_for_its_address_however_that_is_written(panel: Panel) -> None:
    tenant = await panel.tenant()
    link = await panel.invitation(tenant, "finance", "bia@exemplo.com")
    async with panel.browser() as browser:
        page = await browser.get(link)
        page = await browser.send(
            page, "/convite", nome="Bia", email=" Bia@EXEMPLO.com ", senha_nova=NEW
        )

    assert page.url == f"/e/{tenant}"


async def test_of_two_who_use_a_link_at_once_one_is_let_in(panel: Panel) -> None:
    tenant = await panel.tenant()
    link = await panel.invitation(tenant, "finance")
    async with panel.browser() as one, panel.browser() as other:
        pages = [(who, await who.get(link)) for who in (one, other)]
        joining = [
            who.send(page, "/convite", nome="X", email=f"x{n}@exemplo.com", senha_nova=NEW)
            for n, (who, page) in enumerate(pages)
        ]
        joined_ = await asyncio.gather(*joining)
        token = await password_link(panel.pool, panel.sealer, await ana(panel), by="tests")
        pages = [(who, await who.get(f"/senha/{token}")) for who in (one, other)]
        reset = await asyncio.gather(
            *(
                who.send(page, "/senha", senha_nova=f"{NEW} {n}")
                for n, (who, page) in enumerate(pages)
            )
        )

    assert sorted(seen.status for seen in joined_) == [200, 404]
    assert sorted(seen.status for seen in reset) == [200, 404]


async def test_a_new_password_ends_every_link_by_which_another_could_be_set(panel: Panel) -> None:
    async with panel.browser() as browser, panel.browser() as finder:
        tenant = await joined(panel, browser)
        person = await ana(panel)
        links = [
            await password_link(panel.pool, panel.sealer, person, by="forgotten password"),
            await password_link_for_member(panel.pool, panel.sealer, tenant, person, by="Bia"),
        ]
        opened = [(await finder.get(f"/senha/{link}")).status for link in links]
        page = await browser.get("/conta")
        await browser.send(page, "/conta", senha=PASSWORD, senha_nova=NEW)
        after = [(await finder.get(f"/senha/{link}")).status for link in links]

    assert opened == [200, 200]
    assert after == [404, 404]


async def test_who_asks_for_a_password_in_anothers_name_spoils_and_floods_nothing(
    panel: Panel,
) -> None:
    async with panel.browser() as browser, panel.browser() as lost:
        await joined(panel, browser)
        door = door_of(panel)
        theirs = await forgotten_password(door, ANA, "her own")
        others = [await forgotten_password(door, ANA, f"source {n}") for n in range(30)]
        page = await lost.get(f"/senha/{theirs}")
        page = await lost.send(page, "/senha", senha_nova=NEW)
        after = [await find_link(panel.pool, panel.sealer, one) for one in others if one]

    assert page.status == 200
    assert len(after) == MOST_OPEN - 1
    assert set(after) == {None}


async def test_somebody_at_an_open_session_guesses_its_password_no_faster_than_at_the_door(
    panel: Panel,
) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        page = await browser.get("/conta")
        secret = dict(page.form("/conta/codigo"))["segredo"]
        code = pyotp.TOTP(secret).now()
        told: list[Seen] = []
        told.append(await browser.send(page, "/conta", senha="n1", senha_nova=NEW))
        told.append(await browser.send(page, "/conta/codigo", senha="n2", codigo=code))
        counted = await panel.pool.fetch("SELECT failures FROM sign_in_failures")
        await panel.pool.execute(MANY_FAILURES)
        right = [
            await browser.send(page, "/conta", senha=PASSWORD, senha_nova=NEW),
            await browser.send(page, "/conta/codigo", senha=PASSWORD, codigo=code),
        ]
        # Whoever comes from elsewhere is not slowed down by it.
        await panel.pool.execute("UPDATE sign_in_failures SET source_word = '\\x00'::bytea")
        done = await browser.send(page, "/conta", senha=PASSWORD, senha_nova=NEW)

    assert {seen.status for seen in (*told, *right)} == {422}
    assert [row["failures"] for row in counted] == [2, 2]
    for seen in told:
        assert "não confere" in seen.text
    for seen in right:
        assert "Aguarde" in seen.text
        assert 'aria-invalid="true"' in seen.html
    assert "Senha alterada" in done.text


async def test_the_code_that_turned_the_authenticator_on_lets_nobody_in(panel: Panel) -> None:
    async with panel.browser() as browser, panel.browser() as watcher:
        await joined(panel, browser)
        page = await browser.get("/conta")
        secret = dict(page.form("/conta/codigo"))["segredo"]
        code = pyotp.TOTP(secret).now()
        await browser.send(page, "/conta/codigo", senha=PASSWORD, codigo=code)
        asked = await watcher.send(
            await watcher.get("/entrar"), "/entrar", email=ANA, senha=PASSWORD
        )
        replayed = await watcher.send(asked, "/entrar/codigo", codigo=code)
        later = pyotp.TOTP(secret).at(int(time.time()) + 30)
        inside = await watcher.send(replayed, "/entrar/codigo", codigo=later)

    assert replayed.status == 422
    assert inside.status == 200


async def with_codes(panel: Panel, browser: Browser) -> list[str]:
    """Ana uses an authenticator; her recovery codes."""
    page = await browser.get("/conta")
    secret = dict(page.form("/conta/codigo"))["segredo"]
    code = pyotp.TOTP(secret).now()
    page = await browser.send(page, "/conta/codigo", senha=PASSWORD, codigo=code)
    return [one.split("</li>")[0] for one in page.html.split("<li>")[-8:]]


async def test_a_recovery_code_that_two_use_at_once_lets_one_in(panel: Panel) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        codes = await with_codes(panel, browser)
    door = door_of(panel)
    halves = [await sign_in(door, email=ANA, password=PASSWORD, source=f"s{n}") for n in range(2)]
    words = [half.word for half in halves if isinstance(half, Entered)]
    tries = [give_code(door, word, codes[0], f"s{n}") for n, word in enumerate(words)]
    found = await asyncio.gather(*tries)
    once_more = await asyncio.gather(
        *(give_code(door, words[0], code, "s9") for code in codes[1:3])
    )

    assert [isinstance(one, Entered) for one in found].count(True) == 1
    assert [isinstance(one, Entered) for one in once_more].count(True) <= 1


async def waits_for_a_lock(pool: Pool, task: "asyncio.Task[object]") -> None:
    async with asyncio.timeout(20):
        while not task.done() and not await pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("by_code", [False, True])
async def test_who_signs_in_while_the_password_is_changed_is_signed_out_too(
    panel: Panel, *, by_code: bool
) -> None:
    async with panel.browser() as browser:
        await joined(panel, browser)
        codes = await with_codes(panel, browser) if by_code else []
    door, person = door_of(panel), await ana(panel)
    half = await sign_in(door, email=ANA, password=PASSWORD, source="a")
    hashed = await door.passwords.hash(NEW)
    async with panel.pool.acquire() as conn, conn.transaction():
        now = await conn.fetchval("SELECT now()")
        await people_store.set_password(conn, person, hashed, now)
        await sessions_store.end_all(conn, person)
        assert isinstance(half, Entered)
        enters: asyncio.Task[object] = asyncio.create_task(
            give_code(door, half.word, codes[0], "b")
            if by_code
            else sign_in(door, email=ANA, password=PASSWORD, source="b")
        )
        await waits_for_a_lock(panel.pool, enters)
    found = await enters

    assert found is None or isinstance(found, WrongPassword)
    assert await panel.pool.fetchval("SELECT count(*) FROM panel_sessions") == 0


async def test_one_of_ours_acts_by_no_ticket_that_another_named_in_the_same_browser(
    panel: Panel,
) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant, "operator", "Otto") as browser:
        path = f"/e/{tenant}/configuracoes"
        page = await browser.get(path)
        said = ("chamado", "T-77")
        fields = [*((n, v) for n, v in page.form(path) if n != "nome"), ("nome", "Um"), said]
        assert (await browser.post(path, fields)).status == 200
        assert "T-77" in (await browser.get(path)).text
        await browser.send(await browser.get("/conta"), "/sair")
        page = await browser.get(await panel.invitation(TenantId("-"), "operator"))
        await browser.send(
            page, "/convite", nome="Rui", email="rui@exemplo.com", senha_nova=PASSWORD
        )
        page = await browser.get(path)
        asked = await browser.send(page, path, nome="Dois")
        name = await panel.pool.fetchval("SELECT name FROM tenants WHERE tenant_id = $1", tenant)

    assert "T-77" not in page.text
    assert "chamado" in asked.text.lower()
    assert name == "Um"


async def test_two_owners_who_take_each_others_role_at_once_leave_one(panel: Panel) -> None:
    tenant = await panel.tenant()
    path = f"/e/{tenant}/configuracoes/pessoas"
    async with (
        panel.person(tenant, "owner", "Ana") as one,
        panel.person(tenant, "owner", "Bia") as two,
    ):
        pages = [(one, "Bia", await one.get(path)), (two, "Ana", await two.get(path))]
        sends = []
        for who, other, page in pages:
            form = next(f for to, f in page.forms if to == f"{path}/mudar" and ("nome", other) in f)
            kept = [pair for pair in form if pair[0] != "fazer"]
            sends.append(who.post(f"{path}/mudar", [*kept, ("fazer", "tirar")], follow=False))
        answers = await asyncio.gather(*sends)

    assert await role_at(panel, tenant) == "owner"
    assert min(seen.status for seen in answers) == 303


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as made:
        yield made


async def test_whatever_another_door_says_of_somebody_is_no_fault_of_ours(
    panel_settings: PanelSettings, pool: Pool, sandbox: Sandbox, provider: Provider
) -> None:
    settings = replace(panel_settings, oidc=provider.settings())
    odd = ["A\0na", "\ud800", "", 7, ["x"], {"a": 1}, "\u202eana", "x" * 5000, None]
    async with serving(create_app(settings)) as base:
        panel = Panel(base=base, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))
        tenant = await panel.tenant()
        wrong = []
        for claim in ("name", "sub", "email"):
            for number, value in enumerate(odd):
                async with panel.browser() as browser:
                    provider.subject = f"{claim} {number}"
                    provider.email = f"{claim}{number}@exemplo.com"
                    provider.claims = {claim: value}
                    await browser.get(await panel.invitation(tenant, "accountant"))
                    page = await by_other_door(browser, "/entrar/externa?convite=1")
                    inside = page.url == f"/e/{tenant}"
                    if page.status not in (200, 403, 404) or inside != (page.status == 200):
                        wrong.append((claim, value, page.status, page.url))
                    if claim == "name" and not inside:
                        wrong.append((claim, value, page.status, page.text[:200]))

    assert wrong == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Ana\t Souza\r\n", "Ana Souza"),
        ("Ana\x1b[2J\0 Souza", "Ana [2J Souza"),
        ("Bia\u202e)1p( aib\u2066", "Bia)1p( aib"),
        ("\ud800\ue000 ", ""),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("Fa\u0301bio 👩\u200d🎓", "Fa\u0301bio 👩\u200d🎓"),
    ],
)
def test_a_name_is_kept_without_what_steers_whoever_reads_it(typed: str, name: str) -> None:
    assert plain_name(typed) == name
