"""Nothing can be done by a script alone: every form and every link of every page is whole."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import BASE, CASES, acting_company
from tests.services.panel.support import Panel, Seen
from tests.services.panel.test_graded import filled, real_ids
from tests.services.panel.test_interrupted import SECRETS
from tests.services.panel.test_sent_twice import sent

# What only a script does, each of it beside a way without one.
COPIES = "data-copy"  # a text that can be marked and copied
SORTS = "handle"  # exceptions, which two buttons move as well
SORTED = "ordem-nova"


@dataclass
class _Form:
    attrs: dict[str, str]
    hidden: bool
    buttons: int = 0
    fields: list[str] = field(default_factory=list)


class _Page(HTMLParser):
    """The forms of a page, and what looks as if it could be pressed and does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self.inside = False
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = True
            self.forms.append(_Form(attrs=given, hidden="hidden" in given))
        elif tag == "button" and given.get("type") == "button":
            if COPIES not in given and SORTS not in given.get("class", "").split():
                self.wrong.append(f"a button for scripts alone: {given}")
        elif tag in ("button", "input") and given.get("type", "submit") in ("submit", "image"):
            if tag == "button" and self.inside:
                self.forms[-1].buttons += 1
            elif tag == "button" and "form" not in given:
                self.wrong.append(f"a button of no form: {given}")
        elif tag == "a" and given.get("href", "#") in ("#", ""):
            self.wrong.append(f"a link to nowhere: {given}")
        if tag in ("input", "select", "textarea") and self.inside and "name" in given:
            self.forms[-1].fields.append(given["name"])
            chosen = tag == "select" or given.get("type") in ("hidden", "radio", "checkbox")
            if chosen and given["name"] in SECRETS:
                self.wrong.append(f"no secret, and left out as one is: {given}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False


def bare(page: Seen) -> list[str]:
    """What of a page wants a script."""
    read = _Page()
    read.feed(page.html)
    wrong = list(read.wrong)
    for form in read.forms:
        name = form.attrs.get("action", "")
        if not name.startswith("/") or "method" not in form.attrs:
            wrong.append(f"a form to nowhere: {form.attrs}")
        if not form.buttons:
            wrong.append(f"a form without a button: {form.attrs}")
        if form.hidden and form.attrs.get("id") != SORTED:
            wrong.append(f"a form that a script shows: {form.attrs}")
        if form.attrs.get("method") == "post" and "csrf" not in form.fields:
            wrong.append(f"a form without its word: {form.attrs}")
    return wrong


@pytest.mark.parametrize(
    ("page", "to", "typed", "at"),
    [
        ("limites", "limites", {"notas": "§"}, "notas"),
        ("passadas", "passadas", {"desde": "amanhã", "motivo": ""}, "desde"),
        ("configuracoes/avisos", "configuracoes/avisos", {"endereco": "x"}, "endereco"),
        ("vendas", "vendas", {"minimo": "muito"}, "minimo"),
        ("vendas?status=hel", "", {}, "recusa"),
        ("configuracoes/pessoas", "configuracoes/pessoas", {"email": "a"}, "email"),
    ],
)
async def test_the_focus_is_where_something_is_wrong_without_a_script(
    panel: Panel, page: str, to: str, typed: dict[str, str], at: str
) -> None:
    tenant = await panel.tenant()
    base = f"/e/{tenant}"
    async with panel.person(tenant) as ana:
        seen = await ana.get(f"{base}/{page}")
        told = await ana.send(seen, f"{base}/{to}", **typed) if to else seen

    assert told.status == 422
    focused = re.findall(r'<\w+ [^>]*\bid="([^"]+)"[^>]*\sautofocus', told.html)
    assert focused == [at]


async def test_every_form_of_every_page_is_sent_without_a_script(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    wrong: dict[str, list[str]] = {}
    posts: set[str] = set()
    async with acting_company(pool, sandbox, database, redis_url) as company:
        for name in ("hooks", "limits", "saved_filters", "past"):
            assert (await sent(await CASES[name](company, 0))).status < 400
        ids = await real_ids(company.panel, company.bills)
        for bill in ("held", "issued", "guarantee", "no_document", "denied"):
            pages = [page for page in PAGES if page.get and not (page.door and "{" in page.path)]
            for page in pages if bill == "held" else [p for p in pages if "{bill}" in p.path]:
                path = filled(page, TENANT, {**ids, "bill": str(company.bills[bill])})
                seen = await company.ours.get(path)
                if not seen.headers["Content-Type"].startswith("text/html"):
                    continue
                posts |= {to for to, fields in seen.forms if "csrf" in dict(fields)}
                if found := bare(seen):
                    wrong[path] = found
        sorts = await company.ana.get(f"{BASE}/regra")

    assert wrong == {}
    assert len(posts) > 20
    assert {("mudar", "subir"), ("mudar", "descer")} <= {
        (name, value) for _, fields in sorts.forms for name, value in fields
    } | {
        ("mudar", word)
        for word in ("subir", "descer")
        if f'name="mudar" value="{word}"' in sorts.html
    }
