"""Headers and cookies are graded as a scanner would; sessions are tried in every wrong way.

Pages come from the table that serves them, with ids that exist at another company.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from http.cookies import SimpleCookie

import pyotp
import pytest
import pytest_asyncio
from yarl import URL

from services.panel.app import PAGES, create_app
from services.panel.kit.page import PanelPage
from services.sandbox.run import Sandbox
from shared.config.settings import PanelSettings
from shared.crypto.seal import Sealer
from shared.db.closing import month_files_store
from shared.db.connection import Pool
from shared.db.people import memberships_store
from shared.domain.closing import Month
from shared.domain.ids import PersonId, TenantId
from tests.services.api.conftest import SECRET_KEY, serving
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel
from tests.services.panel.support import PASSWORD, Panel, Seen

YEAR = 31_536_000
MONTH = Month(year=2026, month=10)


def policy_of(seen: Seen) -> dict[str, list[str]]:
    told = seen.headers["Content-Security-Policy"].split(";")
    return {name: words for name, *words in (part.split() for part in told if part.strip())}


def graded(seen: Seen, *, encrypted: bool) -> list[str]:
    """What a scanner would take points off for; nothing is full marks."""
    policy, headers = policy_of(seen), seen.headers
    allowed = {word for words in policy.values() for word in words}
    wanted = {
        "everything is forbidden first": policy.get("default-src") == ["'none'"],
        "scripts are ours": policy.get("script-src") == ["'self'"],
        "styles are ours": policy.get("style-src") == ["'self'"],
        "nothing is let through": allowed <= {"'none'", "'self'"},
        "nobody frames it": policy.get("frame-ancestors") == ["'none'"]
        and headers.get("X-Frame-Options") == "DENY",
        "no base": policy.get("base-uri") == ["'none'"],
        "forms stay here": policy.get("form-action") == ["'self'"],
        "types are not guessed": headers.get("X-Content-Type-Options") == "nosniff",
        "addresses stay here": headers.get("Referrer-Policy") in ("same-origin", "no-referrer"),
        "windows are apart": headers.get("Cross-Origin-Opener-Policy") == "same-origin",
        "resources are apart": headers.get("Cross-Origin-Resource-Policy") == "same-origin",
        "features are off": "camera=()" in headers.get("Permissions-Policy", ""),
        "nothing is kept": headers.get("Cache-Control") == "no-store",
        "always in secret": not encrypted
        or int(headers.get("Strict-Transport-Security", "=0").partition("=")[2]) >= YEAR,
        "nobody else may read it": "Access-Control-Allow-Origin" not in headers,
    }
    wrong = [name for name, right in wanted.items() if not right]
    for raw in seen.cookies:
        for morsel in SimpleCookie(raw).values():
            if not (morsel["httponly"] and morsel["samesite"] == "lax" and morsel["path"] == "/"):
                wrong.append(f"cookie {morsel.key}")
            if encrypted and not (morsel["secure"] and morsel.key.startswith("__Host-")):
                wrong.append(f"cookie {morsel.key} in the clear")
            if morsel["domain"]:
                wrong.append(f"cookie {morsel.key} for others")
    return wrong


@pytest_asyncio.fixture
async def lively(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[tuple[Panel, dict[str, int]]]:
    async with lively_panel(pool, sandbox, database, redis_url) as made:
        yield made


def filled(page: PanelPage, tenant: str, ids: dict[str, str]) -> str:
    path = page.path.replace("{tenant}", tenant)
    return re.sub(r"\{([a-z]+)\}", lambda found: ids.get(found[1], "4711"), path)


async def real_ids(panel: Panel, bills: dict[str, int]) -> dict[str, str]:
    """An id of everything that an address may name, of the lively company."""
    async with panel.pool.acquire() as conn:
        await month_files_store.ask(conn, TENANT, MONTH, "xlsx", by="tests")
        await conn.execute("UPDATE month_files SET state = 'ready', bytes = 7, ready_at = now()")
        await conn.execute(
            "INSERT INTO month_file_pieces SELECT tenant_id, month, kind, attempt, 0, 'segredo'"
            " FROM month_files"
        )
    return {"bill": str(bills["issued"]), "mes": str(MONTH), "tipo": "xlsx"}


async def test_every_answer_of_every_page_gets_full_marks(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    ids = await real_ids(panel, bills)
    wrong: dict[str, list[str]] = {}
    streams = 0
    async with panel.person(TENANT) as ana, panel.browser() as stranger:
        for page in PAGES:
            path = filled(page, TENANT, ids)
            answers = [
                await ana.get(path, follow=False),
                await ana.post(path, [("csrf", "x")], follow=False),
                await stranger.get(path, follow=False),
            ]
            for seen in answers:
                streams += "attachment" in seen.headers.get("Content-Disposition", "")
                wrong[f"{page.name} {seen.status}"] = graded(seen, encrypted=False)
        big = await ana.post("/entrar", [("email", "x" * 600_000)])
        wrong[f"too long {big.status}"] = graded(big, encrypted=False)
        odd = await stranger.get("/e/../../etc/passwd%00")
        wrong[f"odd {odd.status}"] = graded(odd, encrypted=False)

    assert {name: found for name, found in wrong.items() if found} == {}
    assert streams >= 5
    assert big.status == 413


async def test_behind_https_cookies_and_transport_get_full_marks(
    panel_settings: PanelSettings, pool: Pool, sandbox: Sandbox
) -> None:
    settings = replace(panel_settings, public_url="https://painel.exemplo.com")
    async with serving(create_app(settings)) as base:
        panel = Panel(base=base, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))
        async with panel.browser() as browser:
            door = await browser.get("/entrar")
            link = await browser.get("/convite/tabcdefghij.xyz", follow=False)

    for seen in (door, link):
        assert seen.cookies
        assert graded(seen, encrypted=True) == []


async def test_what_exists_at_another_company_is_not_there_nor_in_downloads_and_streams(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    ids = await real_ids(panel, bills)
    ours = await panel.tenant("Padaria Boreal")
    wrong = []
    async with panel.person(ours) as owner:
        for page in PAGES:
            if not page.of_tenant:
                continue
            theirs = await owner.get(filled(page, TENANT, ids), follow=False)
            if page.get and theirs.status != 404:
                wrong.append((page.name, "theirs", theirs.status))
            mine = await owner.get(filled(page, ours, ids), follow=False)
            told = mine.raw + theirs.raw
            if b"segredo" in told or b"Cliente F" in told or b"%PDF" in told:
                wrong.append((page.name, "leaks", mine.status))
            if "{" in page.path.replace("{tenant}", "") and b"<NFSe" in mine.raw:
                wrong.append((page.name, "document", mine.status))

    assert wrong == []


async def word_refused(panel: Panel, word: str, tenant: TenantId) -> bool:
    """Whether a session's word opens nothing any more, whoever has it."""
    async with panel.browser() as thief:
        thief.http.cookie_jar.update_cookies({"notaponte": word}, response_url=URL(thief.base))
        for page in PAGES:
            if page.door or page.get is None:
                continue
            seen = await thief.get(filled(page, tenant, {}), follow=False)
            if not (seen.status == 303 and seen.headers["Location"].startswith("/entrar")):
                return False
    return True


async def test_a_session_that_was_left_is_nothing_when_replayed(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant) as ana:
        word = ana.cookie("notaponte")
        assert not await word_refused(panel, word, tenant)
        await ana.send(await ana.get("/conta"), "/sair")

    assert await word_refused(panel, word, tenant)


async def test_a_session_from_before_a_new_password_is_nothing(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant) as ana:
        word = ana.cookie("notaponte")
        page = await ana.get("/conta")
        await ana.send(page, "/conta", senha=PASSWORD, senha_nova="uma frase bem nova")
        assert ana.cookie("notaponte") != word

    assert await word_refused(panel, word, tenant)


async def test_half_a_session_opens_no_page(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant) as ana, panel.browser() as half:
        page = await ana.get("/conta")
        email = re.findall(r"[a-z0-9]+@exemplo\.com", page.html)[0]
        secret = dict(page.form("/conta/codigo"))["segredo"]
        code = pyotp.TOTP(secret).now()
        await ana.send(page, "/conta/codigo", senha=PASSWORD, codigo=code)
        page = await half.get("/entrar")
        asked = await half.send(page, "/entrar", email=email, senha=PASSWORD)
        word = half.cookie("notaponte")

    assert "Confirme que é você" in asked.text
    assert await word_refused(panel, word, tenant)


async def test_a_session_outlives_no_role(panel: Panel) -> None:
    tenant, other = await panel.tenant(), await panel.tenant("Padaria Boreal")
    async with panel.person(tenant, "finance") as caio:
        person = PersonId(await panel.pool.fetchval("SELECT person_id FROM memberships"))
        assert (await caio.get(f"/e/{tenant}")).status == 200
        async with panel.pool.acquire() as conn:
            await memberships_store.remove(conn, tenant, person)
        gone = [
            (await caio.get(filled(page, place, {}), follow=False)).status
            for place in (tenant, other)
            for page in PAGES
            if page.of_tenant and page.get
        ]

    assert set(gone) == {404}


@pytest.mark.parametrize("given", ["", "x", "ã", "a" * 5000, "../../x"])
async def test_a_word_that_never_was_one_opens_nothing(panel: Panel, given: str) -> None:
    async with panel.browser() as browser:
        headers = {"Cookie": f"notaponte={given}".encode("latin-1", "replace").decode("latin-1")}
        seen = await browser.post("/conta", [("senha", "x")], headers=headers, follow=False)

    assert seen.status in (303, 400, 401)


async def test_what_is_searched_for_and_what_lets_in_stands_in_no_address(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    words = ("529.982.247-25", "52998224725", "Dora", "11.222.333/0001-81")
    async with panel.person(TENANT, "operator") as ours:
        for word in words:
            for path, field in (
                ("/suporte", "busca"),
                (f"/e/{TENANT}/vendas", "busca"),
                (f"/e/{TENANT}/configuracoes/registro", "quem"),
            ):
                page = await ours.get(path)
                await ours.send(page, path, **{field: word})
        session = ours.cookie("notaponte")
        addresses = " ".join(str(URL(one)) for one in ours.seen)

    assert not any(word in addresses for word in (*words, session, "senha=", "Dora"))
    # A link that lets in leaves the address at once.
    assert not any("/convite/t" in one for one in ours.seen[1:])
