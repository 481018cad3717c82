"""The front door: signing in and out, following an invitation, setting a new password."""

import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.panel.kit import cookies
from services.panel.kit.forms import TypedForm
from services.panel.kit.keep import HOME, carried, ours
from services.panel.kit.page import PanelPage, Visit
from services.panel.texts import text
from shared.commands.people import (
    Newcomer,
    PeopleRefused,
    find_link,
    join_as_known,
    join_as_new,
    reset_password,
)
from shared.commands.sign_in import (
    Entered,
    SlowedDown,
    WrongPassword,
    find_session,
    give_code,
    sign_in,
    sign_out,
)
from shared.crypto.sealed_words import open_words, seal_words
from shared.db.people import people_store
from shared.db.people.links_store import Link
from shared.db.tenants import tenants_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import PersonId
from shared.domain.people import STAFF, plain_email, plain_name
from shared.doors.subscriber import subscriber

# The button of who has signed in by another tab, and goes on with what was typed in this one.
ENTERED: Final = "entrei"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Followed:
    """A link that was followed and can still be used."""

    token: str
    link: Link


async def show_sign_in(visit: Visit) -> Response:
    """The form; whoever is signed in already goes on."""
    form = visit.form
    back = ours(form["volta"] or visit.request.query_params.get("volta", HOME))
    if visit.who is not None:
        return _on(visit, visit.bound_to, back)
    status = 400 if form.errors else 200
    return visit.show("entrar.html", status, back=back, kept=carried(form), expired=False)


async def try_sign_in(visit: Visit) -> Response:
    """Check address and password; a code may be wanted beside them."""
    form, back = visit.form, ours(visit.form["volta"])
    if form.has(ENTERED):
        if visit.who is not None:
            return _on(visit, visit.bound_to, back)
        wrong = form.wrong(form_=text("sign_in.not_entered"))
        return _again(visit, "entrar.html", wrong, back, expired=False)
    found = await sign_in(
        visit.resources.door,
        email=form["email"],
        password=form["senha"],
        source=counted_as(visit, await _signs_in_as(visit, form["email"])),
    )
    match found:
        case Entered(wants_code=True):
            response = visit.show("codigo.html", back=back, kept=carried(form))
            visit.jar.keep_session(response, found.word)
            return response
        case Entered():
            return await entered(visit, found, back)
        case WrongPassword():
            wrong = form.wrong(form_=text("sign_in.wrong"))
        case SlowedDown():
            wrong = form.wrong(form_=slowed_down(visit, found))
    return _again(visit, "entrar.html", wrong, back, expired=False)


async def try_code(visit: Visit) -> Response:
    """The second half of a sign-in; done already where another tab was quicker."""
    form, back = visit.form, ours(visit.form["volta"])
    if visit.who is not None:
        return _on(visit, visit.bound_to, back)
    word = visit.jar.read(visit.request, cookies.SESSION)
    half = await find_session(visit.resources.pool, word) if word else None
    source = counted_as(visit, half.person.id if half else None)
    found = await give_code(visit.resources.door, word, form["codigo"], source)
    if isinstance(found, Entered):
        return await entered(visit, found, back)
    if isinstance(found, SlowedDown):
        return _again(visit, "codigo.html", form.wrong(form_=slowed_down(visit, found)), back)
    half = await find_session(visit.resources.pool, word) if word else None
    if half is None:
        return visit.go("/entrar")
    return _again(visit, "codigo.html", form.wrong(codigo=text("code.wrong")), back)


async def leave(visit: Visit) -> Response:
    """Sign out; who has done so in another tab is only told where the door is."""
    response = visit.go("/entrar")
    word = visit.jar.read(visit.request, cookies.SESSION)
    if word:
        await sign_out(visit.resources.pool, word)
        visit.jar.drop(response, cookies.SESSION)
    return response


async def follow(visit: Visit) -> Response:
    """Take the token out of the address at once: what follows, and histories, do not hold it."""
    token = str(visit.request.path_params["token"])
    if not token.isascii():  # no link of ours, and nothing that a cookie holds
        return _unknown_link(visit)
    to = "/senha" if visit.request.url.path.startswith("/senha/") else "/convite"
    response: Response = RedirectResponse(to, status_code=303)
    visit.jar.keep_link(response, token)
    return response


async def show_invitation(visit: Visit) -> Response:
    """What somebody was invited to."""
    found = await _followed(visit, "invitation")
    if found is None:
        return _unknown_link(visit)
    return await _invitation(visit, found.link, visit.form)


async def take_invitation(visit: Visit) -> Response:
    """Make an account, or give the one that is signed in its new role."""
    found = await _followed(visit, "invitation")
    if found is None:
        return _unknown_link(visit)
    form, door = visit.form, visit.resources.door
    company = form["empresa"].strip()[:200] or None
    if visit.who is not None and form.has("senha_nova"):  # in another tab, since the page was made
        meanwhile = form.wrong(form_=text("invitation.meanwhile"))
        return await _invitation(visit, found.link, meanwhile)
    wrong = _missing(form, found.link, signed_in=visit.who is not None)
    if wrong.errors:
        return await _invitation(visit, found.link, wrong)
    try:
        if visit.who is not None:
            tenant = await join_as_known(door, found.token, visit.person, company)
            response = visit.go(first_page(tenant, new=_names_company(found.link)), "joined")
        else:
            newcomer = Newcomer(
                name=plain_name(form["nome"]),
                email=plain_email(form["email"]) or "",
                password=form["senha_nova"],
                company=company,
            )
            entered, tenant = await join_as_new(door, found.token, newcomer)
            response = visit.go(first_page(tenant, new=_names_company(found.link)), "joined")
            visit.jar.keep_session(response, entered.word)
    except PeopleRefused as refused:
        if refused.code == "link_unknown":
            return _unknown_link(visit)
        return await _invitation(visit, found.link, _refused(form, refused))
    visit.jar.drop(response, cookies.LINK)
    return response


async def show_reset(visit: Visit) -> Response:
    """A new password."""
    if await _followed(visit, "password") is None:
        return _unknown_link(visit)
    return visit.show("senha.html")


async def reset(visit: Visit) -> Response:
    """Set it; all sessions end, and one begins here."""
    found = await _followed(visit, "password")
    if found is None:
        return _unknown_link(visit)
    try:
        entered = await reset_password(visit.resources.door, found.token, visit.form["senha_nova"])
    except PeopleRefused as refused:
        if refused.code == "link_unknown":
            return _unknown_link(visit)
        wrong = _refused(visit.form, refused)
        return visit.show("senha.html", 422, form=wrong)
    response = visit.go("/entrar" if entered.wants_code else HOME, "password_changed")
    visit.jar.drop(response, cookies.LINK)
    if not entered.wants_code:
        visit.jar.keep_session(response, entered.word)
    return response


def source_of(request: Request, proxies: int) -> str:
    """Who a request comes from, by the network or by what the nearest of our proxies says."""
    # Some proxies add a line of their own below what the caller had said.
    lines = ",".join(request.headers.getlist("X-Forwarded-For"))
    told = [one.strip() for one in lines.split(",")]
    if proxies and len(told) >= proxies and told[-proxies]:
        return subscriber(told[-proxies])
    return subscriber(request.client.host) if request.client else "-"


def counted_as(visit: Visit, person: PersonId | None) -> str:
    """By what somebody's tries are counted: by their browser, where they signed in by it before.

    Else by where they come from: whoever shares an address with them, and fails there on purpose,
    keeps nobody out of the browser that they use every day.
    """
    known, word = _device(visit)
    if word and known == person:
        return f"device:{word}"
    return source_of(visit.request, visit.resources.proxies)


async def _signs_in_as(visit: Visit, email: str) -> PersonId | None:
    """Whose address was typed, where it is of use to know."""
    plain = plain_email(email)
    if plain is None or not _device(visit)[1]:
        return None
    async with visit.resources.pool.acquire() as conn:
        return await people_store.find(conn, visit.resources.sealer, plain)


def _device(visit: Visit) -> tuple[str, str]:
    """Who has signed in by this browser last, and its word; both empty for a new one."""
    given = visit.jar.read(visit.request, cookies.DEVICE)
    person, _, word = open_words(visit.resources.sealer, NO_TENANT, given).partition(" ")
    return person, word


def slowed_down(visit: Visit, found: SlowedDown) -> str:
    """How long to wait."""
    seconds = (found.until - visit.resources.now()).total_seconds()
    return text("sign_in.slow", seconds=max(1, round(seconds)))


async def entered(visit: Visit, found: Entered, back: str) -> Response:
    """On to where they were; the session that this browser had ends."""
    before = visit.jar.read(visit.request, cookies.SESSION)
    if before:
        await sign_out(visit.resources.pool, before)
    response = _on(visit, found.word, back)
    visit.jar.keep_session(response, found.word)
    known = f"{found.person} {secrets.token_urlsafe(16)}"
    visit.jar.keep_device(response, seal_words(visit.resources.sealer, NO_TENANT, known))
    return response


def _on(visit: Visit, word: str, back: str) -> Response:
    """On to where somebody was; what they had typed there waits for their word.

    Forms of that page are bound to the session's `word`.
    """
    kept = carried(visit.form)
    if not kept:
        return visit.go(back)
    fresh = Visit(
        request=visit.request,
        resources=visit.resources,
        jar=visit.jar,
        bound_to=word,
        form=visit.form,
    )
    return fresh.show("continuar.html", to=back, kept=kept)


def _again(visit: Visit, template: str, form: TypedForm, back: str, **more: object) -> Response:
    return visit.show(template, 422, form=form, back=back, kept=carried(visit.form), **more)


async def _followed(visit: Visit, kind: str) -> _Followed | None:
    token = visit.jar.read(visit.request, cookies.LINK)
    link = await find_link(visit.resources.pool, visit.resources.sealer, token) if token else None
    return _Followed(token=token, link=link) if link and link.kind == kind else None


async def _invitation(visit: Visit, link: Link, form: TypedForm) -> Response:
    async with visit.resources.pool.acquire() as conn:
        tenant = await tenants_store.get(conn, link.tenant)
    return visit.show(
        "convite.html",
        422 if form.errors else 200,
        form=form,
        link=link,
        company=tenant.name if tenant else None,
        names_company=_names_company(link),
    )


def _names_company(link: Link) -> bool:
    """Whether whoever follows it is the first of a company that has no name yet."""
    return link.tenant == NO_TENANT and link.role not in STAFF


def _missing(form: TypedForm, link: Link, *, signed_in: bool) -> TypedForm:
    needed = {"empresa"} if _names_company(link) else set()
    needed |= set() if signed_in else {"nome", "senha_nova"}
    missing = {name: text("needed") for name in needed if not form[name].strip()}
    if "nome" in needed and not plain_name(form["nome"]):
        missing["nome"] = text("needed")
    if not signed_in:
        email = plain_email(form["email"])
        if email is None:
            missing["email"] = text("email.wrong")
        elif link.email not in (None, email):
            missing["email"] = text("invitation.other_email")
    return form.wrong(**missing)


def _refused(form: TypedForm, refused: PeopleRefused) -> TypedForm:
    if refused.code == "password":
        return form.wrong(senha_nova=text(f"password.{refused.fault}"))
    if refused.code == "email_taken":
        return form.wrong(email=text("invitation.taken"))
    if refused.code == "other_email":
        return form.wrong(form_=text("invitation.for_another"))
    if refused.code == "already_in":
        return form.wrong(form_=text("invitation.already_in"))
    return form.wrong(form_=text("link.unknown"))


def _unknown_link(visit: Visit) -> Response:
    response = visit.show("erro.html", 404, what="link")
    visit.jar.drop(response, cookies.LINK)
    return response


def first_page(tenant: str, *, new: bool = False) -> str:
    """Where somebody begins who has just joined: the steps, of a company they have just named."""
    if tenant == NO_TENANT:
        return HOME
    return f"/e/{tenant}/ativacao" if new else f"/e/{tenant}"


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path="/entrar", name="sign_in", get=show_sign_in, post=try_sign_in, door=True),
    PanelPage(path="/entrar/codigo", name="code", post=try_code, door=True),
    PanelPage(path="/sair", name="sign_out", post=leave, door=True, idle=True),
    PanelPage(path="/convite/{token}", name="follow_invitation", get=follow, door=True),
    PanelPage(
        path="/convite",
        name="invitation",
        get=show_invitation,
        post=take_invitation,
        door=True,
        once=True,
    ),
    PanelPage(path="/senha/{token}", name="follow_reset", get=follow, door=True),
    PanelPage(path="/senha", name="reset", get=show_reset, post=reset, door=True, once=True),
)
