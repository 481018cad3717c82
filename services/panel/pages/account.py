"""What somebody may do about themselves: companies, password, authenticator."""

import secrets
from typing import Final
from urllib.parse import urlencode

import pyotp
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import PanelPage, Visit
from services.panel.pages.door import counted_as, slowed_down
from services.panel.show.companies import fits
from services.panel.texts import text
from shared.commands.people import PeopleRefused, change_password
from shared.commands.sign_in import (
    SlowedDown,
    knows_password,
    matching_step,
    recovery_hash,
)
from shared.db.people import memberships_store, people_store
from shared.db.people.people_store import Account
from shared.db.tenants import audit_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.words import plain_number

_CODES: Final = 8
_SECRET_LETTERS: Final = 32
_COMPANIES: Final = 50  # of a page
_FEW: Final = 10  # are found at a glance
_MOST_LETTERS: Final = 100


async def home(visit: Visit) -> Response:
    """To the only company somebody has, or to the choice of them."""
    async with visit.resources.pool.acquire() as conn:
        found = await memberships_store.of_person_any_tenant(conn, visit.person.id)
    if len(found) == 1 and visit.person.staff is None:
        return visit.go(f"/e/{found[0].id}")
    return visit.go("/suporte" if visit.person.staff else "/empresas")


async def companies(visit: Visit) -> Response:
    """The companies somebody has a role at, by name: those that words fit, a page at a time."""
    given = visit.request.query_params
    async with visit.resources.pool.acquire() as conn:
        every = await memberships_store.of_person_any_tenant(conn, visit.person.id)
    words = given.get("nome", "").strip()[:_MOST_LETTERS]
    found = [one for one in every if fits(words, one.name, one.id)]
    at = plain_number(given.get("pagina", ""), len(found) // _COMPANIES + 1) or 1
    query = {"nome": words} if words else {}
    return visit.show(
        "empresas.html",
        companies=found[(at - 1) * _COMPANIES : at * _COMPANIES],
        count=len(found),
        words=words,
        searches=len(every) > _FEW,
        before=urlencode(query | {"pagina": at - 1}) if at > 1 else "",
        after=urlencode(query | {"pagina": at + 1}) if len(found) > at * _COMPANIES else "",
    )


async def show_account(visit: Visit) -> Response:
    """Password and authenticator."""
    return await _show(visit, visit.form)


async def set_password(visit: Visit) -> Response:
    """Change the password: signed out everywhere but here."""
    form = visit.form
    try:
        entered = await change_password(
            visit.resources.door,
            visit.person.id,
            old=form["senha"],
            new=form["senha_nova"],
            source=counted_as(visit, visit.person.id),
        )
    except PeopleRefused as refused:
        if refused.code == "password":
            wrong = form.wrong(senha_nova=text(f"password.{refused.fault}"))
        else:
            wrong = form.wrong(senha=text("password.not_old"))
        return await _show(visit, wrong)
    if isinstance(entered, SlowedDown):
        return await _show(visit, form.wrong(senha=slowed_down(visit, entered)))
    response = visit.go("/conta", "password_changed")
    visit.jar.keep_session(response, entered.word)
    return response


async def set_totp(visit: Visit) -> Response:
    """Use an authenticator, or none any more; both want the password."""
    form, door = visit.form, visit.resources.door
    account = await _account(visit)
    source = counted_as(visit, visit.person.id)
    known = await knows_password(door, visit.person.id, form["senha"], source)
    if isinstance(known, SlowedDown):
        return await _show(visit, form.wrong(senha=slowed_down(visit, known)))
    if not known:
        return await _show(visit, form.wrong(senha=text("password.not_old")))
    if form["fazer"] == "desligar":
        await _put_totp(visit, None, ())
        return visit.go("/conta", "totp_off")
    if account.totp is not None:
        return await _show(visit, form.wrong(form_=text("totp.on_already")))
    secret = form["segredo"]
    shaped = len(secret) == _SECRET_LETTERS and secret.isalnum() and secret.isascii()
    step = matching_step(secret, form["codigo"], visit.resources.now()) if shaped else None
    if step is None:
        return await _show(visit, form.wrong(codigo=text("code.wrong")))
    codes = ["-".join((secrets.token_hex(5), secrets.token_hex(5))) for _ in range(_CODES)]
    await _put_totp(visit, secret, codes, step)
    return await _show(visit, TypedForm(), codes=tuple(codes))


async def _put_totp(
    visit: Visit, secret: str | None, codes: "list[str] | tuple[()]", step: int = 0
) -> None:
    resources = visit.resources
    async with resources.pool.acquire() as conn, conn.transaction():
        await people_store.set_totp(
            conn,
            resources.sealer,
            visit.person.id,
            secret,
            [recovery_hash(code) for code in codes],
            step=step,
        )
        action = "totp_on" if secret else "totp_off"
        await audit_store.add(conn, NO_TENANT, actor=visit.by, action=action)


async def _account(visit: Visit) -> Account:
    async with visit.resources.pool.acquire() as conn:
        found = await people_store.get(conn, visit.resources.sealer, visit.person.id)
    if found is None:
        raise AssertionError("somebody signed in has an account")
    return found


async def _show(visit: Visit, form: TypedForm, codes: tuple[str, ...] = ()) -> Response:
    account = await _account(visit)
    secret = form["segredo"] or pyotp.random_base32(_SECRET_LETTERS)
    return visit.show(
        "conta.html",
        422 if form.errors else 200,
        form=form,
        email=account.email,
        has_totp=account.totp is not None,
        codes=codes,
        secret=secret,
        spaced=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path="/", name="home", get=home),
    PanelPage(path="/empresas", name="companies", get=companies),
    PanelPage(path="/conta", name="account", get=show_account, post=set_password, once=True),
    PanelPage(path="/conta/codigo", name="totp", post=set_totp, once=True),
)
