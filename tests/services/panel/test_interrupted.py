"""A session that ends while a form is filled in: signed in again one is back, with all of it.

Every page that acts is tried, as in `test_sent_twice`.
"""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.crypto.tokens import hash_secret
from shared.db.connection import Pool
from tests.services.panel.acting import CASES, Acting, Sending, acting_company
from tests.services.panel.support import Browser, Seen

# Typed again by whoever signs in: it may be somebody else.
SECRETS = {"api_key", "senha", "senha_nova", "codigo"}
AT_THE_DOOR = {page.name for page in PAGES if page.door}


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


async def ended(browser: Browser, pool: Pool) -> None:
    """Somebody's session is over, and their browser does not know."""
    word = browser.cookie("notaponte")
    await pool.execute("DELETE FROM panel_sessions WHERE token_hash = $1", hash_secret(word))
    assert (await browser.get("/conta", follow=False)).status == 303


async def signed_in_again(of: Acting, browser: Browser, page: Seen, email: str) -> Seen:
    password = of.password if browser is of.ana else "três pratos de trigo"
    kept = [(name, value) for name, value in page.form("/entrar") if name not in ("email", "senha")]
    return await browser.post("/entrar", [*kept, ("email", email), ("senha", password)])


async def email_of(browser: Browser) -> str:
    return dict((await browser.get("/conta")).form("/conta"))["email"]


async def interrupted(of: Acting, one: Sending, email: str) -> list[str]:
    """Send a form after the session's end, sign in, send it again; what went wrong."""
    await ended(one.browser, of.panel.pool)
    # The browser forgot the session: that a page of ours sends this, it says itself.
    door = await one.browser.post(one.path, one.fields, headers={"Sec-Fetch-Site": "same-origin"})
    back = await signed_in_again(of, one.browser, door, email)
    forms = [fields for to, fields in back.forms if to == one.path]
    wrong = [] if door.status == 401 else [f"the door answered {door.status}"]
    if not forms:
        return [*wrong, f"no way on: {back.status} {back.text[:200]}"]
    typed = [pair for pair in one.fields if pair[0] not in SECRETS | {"csrf"}]
    lost = [pair for pair in typed if pair not in forms[0]]
    secret = [pair for pair in forms[0] if pair[0] in SECRETS]
    wrong += [f"lost {lost}"] if lost else []
    wrong += [f"carried {secret}"] if secret else []
    done = await one.browser.post(one.path, forms[0])
    needs_more = bool(SECRETS & {name for name, _ in one.fields})
    if done.status >= 400 and not needs_more:
        wrong.append(f"then {done.status}: {done.text[:300]}")
    return wrong


async def test_who_signs_in_again_has_the_form_that_was_interrupted(company: Acting) -> None:
    wrong: dict[str, list[str]] = {}
    ana, ours = await email_of(company.ana), await email_of(company.ours)
    for name, case in CASES.items():
        if name in AT_THE_DOOR or name == "account":
            continue
        if name == "people_change":
            joining = await CASES["invitation"](company, 7)
            await joining.browser.post(joining.path, joining.fields)
        one = await case(company, 0)
        found = await interrupted(company, one, ours if one.browser is company.ours else ana)
        if found:
            wrong[name] = found

    assert wrong == {}


async def test_a_form_of_an_older_session_is_offered_again_and_another_sites_is_not(
    company: Acting,
) -> None:
    one, email = await CASES["settings"](company, 3), await email_of(company.ana)
    await company.ana.send(await company.ana.get("/conta"), "/sair")
    again = await signed_in_again(company, company.ana, await company.ana.get("/entrar"), email)
    assert again.status == 200
    own = await company.ana.post(one.path, one.fields, headers={"Sec-Fetch-Site": "same-origin"})
    other = await company.ana.post(one.path, one.fields, headers={"Sec-Fetch-Site": "cross-site"})

    assert ("nome", "Escola 3") in next(fields for _, fields in own.forms if fields)
    assert "Escola 3" not in other.html
