"""Coming in by another door (OpenID Connect), and a new password by mail."""

import hmac
import json
from typing import Any, Final

import structlog
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from services.panel.kit import cookies
from services.panel.kit.forms import TypedForm
from services.panel.kit.keep import HOME, ours
from services.panel.kit.page import PanelPage, Visit
from services.panel.kit.post import send_link
from services.panel.kit.serve import AWAY, NotThere
from services.panel.pages.door import entered, first_page, source_of
from services.panel.resources import OIDC_BACK
from services.panel.texts import text
from shared.commands.lost_passwords import forgotten_password
from shared.commands.other_door import Stranger, enter_by_other_door, join_by_other_door
from shared.commands.people import PeopleRefused
from shared.commands.sign_in import Entered
from shared.crypto.sealed_words import open_words, seal_words
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.people import plain_email
from shared.telemetry.severity import severity
from shared.ways_in.oidc import Errand, Introduced, OidcDoor, OidcRefused

log = structlog.get_logger()

_LONGEST: Final = 700


async def begin(visit: Visit) -> Response:
    """Off to the other door, with what is to be remembered sealed in a cookie."""
    door, given = _door(visit), visit.request.query_params
    back = ours(given.get("volta", HOME))
    try:
        to, errand = await door.begin()
    except OidcRefused as refused:
        return _refused(visit, refused.code, back)
    invited = "sim" if given.get("convite") else ""
    kept = {"s": errand.state, "n": errand.nonce, "v": errand.verifier, "b": back, "c": invited}
    response: Response = RedirectResponse(to, status_code=303)
    visit.jar.keep_errand(response, _sealed(visit, kept))
    return response


async def finish(visit: Visit) -> Response:
    """Back from it: who it says that they are comes in, if we know them or they were invited."""
    door, given = _door(visit), visit.request.query_params
    kept = _opened(visit, visit.jar.read(visit.request, cookies.ERRAND))
    if kept is None and visit.who is not None:  # the answer was loaded once more
        return visit.go(HOME)
    if kept is None:
        return _refused(visit, "late", HOME)
    back = ours(kept["b"])
    if not hmac.compare_digest(given.get("state", "").encode(), kept["s"].encode()):
        return _refused(visit, "refused", back)
    if not given.get("code"):
        return _refused(visit, "refused", back)
    errand = Errand(state=kept["s"], nonce=kept["n"], verifier=kept["v"])
    try:
        who = await door.finish(given["code"][:2000], errand)
    except OidcRefused as refused:
        return _refused(visit, refused.code, back)
    if not door.may_be(who.email):
        return _refused(visit, "not_invited", back)
    response = await _let_in(visit, who, back, invited=bool(kept["c"]))
    visit.jar.drop(response, cookies.ERRAND)
    return response


async def _let_in(visit: Visit, who: Introduced, back: str, *, invited: bool) -> Response:
    token = visit.jar.read(visit.request, cookies.LINK) if invited else ""
    try:
        found = (
            await join_by_other_door(visit.resources.door, token, who)
            if token
            else await enter_by_other_door(visit.resources.door, who)
        )
    except PeopleRefused as refused:
        if refused.code == "already_in":
            return _refused(visit, "already_in", back)
        response = visit.show("erro.html", 404, what="link")
        visit.jar.drop(response, cookies.LINK)
        return response
    match found:
        case Stranger():
            return _refused(visit, found.code, back)
        case Entered():
            return await _session(visit, found, back)
        case (session, tenant):
            response = await _session(visit, session, first_page(tenant))
            visit.jar.drop(response, cookies.LINK)
            return response


async def _session(visit: Visit, found: Entered, back: str) -> Response:
    if found.wants_code:
        response = visit.show("codigo.html", back=back, kept=())
        visit.jar.keep_session(response, found.word)
        return response
    return await entered(visit, found, back)


async def show_forgotten(visit: Visit) -> Response:
    """Which address the link goes to."""
    _mail(visit)
    return visit.show("esqueci.html", sent=False)


async def ask_forgotten(visit: Visit) -> Response:
    """The same answer for everybody, and no later for those that there are."""
    _mail(visit)
    email = visit.form["email"]
    if plain_email(email) is None:
        return visit.show(
            "esqueci.html", 422, form=visit.form.wrong(email=text("email.wrong")), sent=False
        )
    response = visit.show("esqueci.html", form=TypedForm(), sent=True)
    response.background = BackgroundTask(_send_forgotten, visit, email)
    return response


async def _send_forgotten(visit: Visit, email: str) -> None:
    resources = visit.resources
    source = source_of(visit.request, resources.proxies)
    try:
        token = await forgotten_password(resources.door, email, source)
    except AWAY as error:
        log.log(severity(error), "panel_unavailable", error=type(error).__name__)
        return
    if token is not None:
        link = f"{resources.public_url}/senha/{token}"
        await send_link(visit, "password", link, plain_email(email))


def _door(visit: Visit) -> OidcDoor:
    if visit.resources.oidc is None:
        raise NotThere
    return visit.resources.oidc


def _mail(visit: Visit) -> None:
    if visit.resources.mail is None:
        raise NotThere


def _refused(visit: Visit, code: str, back: str) -> Response:
    said = text(f"other.{code}", name=_door(visit).name)
    form = TypedForm().wrong(form_=said)
    response = visit.show("entrar.html", 403, form=form, back=back, kept=(), expired=False)
    visit.jar.drop(response, cookies.ERRAND)
    return response


def _sealed(visit: Visit, kept: dict[str, str]) -> str:
    return seal_words(visit.resources.sealer, NO_TENANT, json.dumps(kept), most=_LONGEST)


def _opened(visit: Visit, given: str) -> dict[str, Any] | None:
    words = open_words(visit.resources.sealer, NO_TENANT, given)
    if not words:
        return None
    found: dict[str, Any] = json.loads(words)
    return found


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path="/entrar/externa", name="other_door", get=begin, door=True),
    PanelPage(path=OIDC_BACK, name="other_door_back", get=finish, door=True),
    PanelPage(path="/esqueci", name="forgotten", get=show_forgotten, post=ask_forgotten, door=True),
)
