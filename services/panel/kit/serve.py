"""Serving pages: who comes, whether they may, what they typed, what comes back."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

import asyncpg
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.panel.kit import cookies, csrf
from services.panel.kit.cookies import Jar, new_visit
from services.panel.kit.downloads import TooManyDownloads
from services.panel.kit.forms import NOTHING_TYPED, FormTooLong, read_form
from services.panel.kit.keep import answerable, here, kept_fields, sent_again
from services.panel.kit.page import TICKET, Handler, PanelPage, Visit
from services.panel.kit.sent_once import AnswerGone, SomebodySaves, StillRunning, answer_once
from services.panel.texts import text
from shared.commands.sign_in import find_session, find_session_at
from shared.crypto.passwords import TooManyPasswords
from shared.domain.ids import TenantId
from shared.domain.people import Rank, Right, may
from shared.telemetry.severity import severity

if TYPE_CHECKING:
    from shared.db.people.sessions_store import AtTenant, Session

log = structlog.get_logger()

# The database is away, busy or shutting down: nothing is wrong with the request.
AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
_TENANT: Final = re.compile(r"t[a-z0-9]{10}")
_TICKET: Final = re.compile(r"[A-Za-z0-9#./-]{1,40}")


# What is asked for by nothing but a secret, was too much, or is done.
_NOT_AGAIN: Final = frozenset({"form_too_old", "too_long", "passwords", "gone"})


class NotThere(Exception):
    """Nothing is at this address, for this person."""


class NotAllowed(Exception):
    """It is there, and this person may not see it, or not do it."""


class PageEndpoint:
    """One page as an ASGI application."""

    def __init__(self, page: PanelPage, jar: Jar) -> None:
        self._page = page
        self._jar = jar
        self.__name__ = f"panel:{page.name}"  # how metrics name it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._page.handlers.get(method)
        if (clean := answerable(request)) is not None and method == "GET":
            return RedirectResponse(clean, status_code=303, headers={"Cache-Control": "no-store"})
        visit = self._before(request)
        if handler is None:
            response = visit.show("erro.html", 405, what="method")
            response.headers["Allow"] = ", ".join(self._page.methods)
            return response
        if any("\0" in str(given) for given in request.path_params.values()):
            return visit.show("erro.html", 404, what="not_there")
        try:
            if method == "POST":
                visit = replace(visit, form=await read_form(request))
            return await self._answer(visit, method, handler)
        except NotThere:
            return visit.show("erro.html", 404, what="not_there")
        except NotAllowed:
            return visit.show("erro.html", 403, what="not_allowed")
        except FormTooLong:
            return self._refused(visit, 413, "too_long")
        except TooManyDownloads:
            response = self._refused(visit, 429, "downloads")
            response.headers["Retry-After"] = "30"
            return response
        except TooManyPasswords:
            response = self._refused(visit, 503, "passwords")
            response.headers["Retry-After"] = "5"
            return response
        except StillRunning:
            return self._refused(visit, 409, "running")
        except AnswerGone:
            return self._refused(visit, 409, "gone")
        except SomebodySaves:
            return self._refused(visit, 409, "busy")
        except AWAY as error:
            log.log(severity(error), "panel_unavailable", error=type(error).__name__)
            response = self._refused(visit, 503, "away")
            response.headers["Retry-After"] = "5"
            return response
        except Exception:
            # A bug is told elsewhere (`app`), with what was typed.
            request.state.sent_again = sent_again(visit) if method == "POST" else None
            raise

    def _before(self, request: Request) -> Visit:
        """A visit of nobody yet."""
        word = self._jar.read(request, cookies.SESSION)
        path = request.url.path
        return Visit(
            request=request,
            resources=request.app.state.resources,
            jar=self._jar,
            bound_to=word or self._jar.read(request, cookies.VISIT),
            form=NOTHING_TYPED,
            about=path if self._page.get else path.rpartition("/")[0],
        )

    async def _answer(self, visit: Visit, method: str, handler: Handler) -> Response:
        posted = method == "POST"
        session, at = await self._who_comes(visit)
        if session is not None:
            visit = replace(visit, who=session.person)
        elif not self._page.door:
            return self._to_the_door(visit, posted=posted)
        else:
            visit = self._unsigned(visit)
        if not self._page.door:
            visit = self._let_in(visit, at, posted=posted)
        idle = self._page.idle and visit.who is None
        if posted and not idle and not self._ours(visit):
            return await self._too_old(visit)
        for_tenant = self._page.do and self._page.of_tenant
        if posted and for_tenant and visit.asks_ticket and not visit.ticket:
            return self._ask_ticket(visit)
        if posted and self._page.acts_once:
            response = await answer_once(visit, handler, AWAY)
        else:
            response = await handler(visit)
        if posted and visit.of and response.status_code < 400:
            await visit.resources.figures.outdate(visit.pool, visit.of.id)
        if posted and visit.ticket and visit.of:
            ticket = f"{visit.of.id}:{visit.person.id}:{visit.ticket}"
            self._jar.keep(response, cookies.TICKET, ticket)
        return self._remembered(visit, response)

    def _remembered(self, visit: Visit, response: Response) -> Response:
        """An answer to somebody unknown names the visit that its forms are bound to.

        Another site's form brings none of our cookies along: it would put a new visit in the place
        of the one that a page of ours, in another tab, stands on.
        """
        foreign = visit.request.method == "POST" and csrf.from_elsewhere(visit.request)
        known = self._jar.read(visit.request, cookies.VISIT)
        if visit.who is None and not known and not foreign:
            self._jar.keep(response, cookies.VISIT, visit.bound_to)
        return response

    async def _who_comes(self, visit: Visit) -> "tuple[Session | None, AtTenant | None]":
        """Who is signed in, and what they are at the tenant of the address, if it is there."""
        word = self._jar.read(visit.request, cookies.SESSION)
        if not word:
            return None, None
        pool, at = visit.resources.pool, None
        tenant = str(visit.request.path_params["tenant"]) if self._page.of_tenant else ""
        if _TENANT.fullmatch(tenant):
            at = await find_session_at(pool, word, TenantId(tenant))
        found = at.session if at else await find_session(pool, word)
        return (None, None) if found is None or found.wants_code else (found, at)

    def _unsigned(self, visit: Visit) -> Visit:
        """At the door forms are bound to a visit, even where an old session's word is left."""
        bound = self._jar.read(visit.request, cookies.VISIT) or new_visit()
        return replace(visit, bound_to=bound)

    def _let_in(self, visit: Visit, at: "AtTenant | None", *, posted: bool) -> Visit:
        if self._page.of_tenant:
            visit = self._at_tenant(visit, at)
        elif visit.person.staff is not None:
            visit = replace(visit, standing=visit.person.staff)
        needed: Sequence[Right | None] = (self._page.see, self._page.do if posted else None)
        for right in needed:
            if right is not None and not (visit.standing and may(visit.standing, right)):
                raise NotAllowed
        return replace(visit, ticket=self._ticket(visit))

    def _ticket(self, visit: Visit) -> str | None:
        """What somebody of ours acts for: as the form says, or as they said for this tenant."""
        if not visit.asks_ticket or visit.of is None:
            return None
        kept = self._jar.read(visit.request, cookies.TICKET)
        theirs = f"{visit.of.id}:{visit.person.id}:"
        said = kept.removeprefix(theirs) if kept.startswith(theirs) else ""
        given = visit.form[TICKET].strip() or said
        return given if _TICKET.fullmatch(given) else None

    def _at_tenant(self, visit: Visit, at: "AtTenant | None") -> Visit:
        """What somebody is at the tenant of the address; for a stranger it is not there."""
        standing: Rank | None = at.role or visit.person.staff if at else None
        if at is None or standing is None:
            raise NotThere
        return replace(visit, of=at.tenant, standing=standing)

    def _to_the_door(self, visit: Visit, *, posted: bool) -> Response:
        """Sign in first; what was typed on a page of ours is kept, and sent once they say so.

        A browser brings none of our cookies along with another site's form: whoever is signed in
        looks like a stranger then. Such a form is not kept, and no cookie is touched for it.
        """
        request = visit.request
        own = csrf.from_here(request) or self._ours(visit)
        if posted and not own:
            return self._sent_to_the_door(visit.about)
        visit = self._unsigned(visit)
        if posted:
            kept, back = kept_fields(visit.form), here(request)
            response: Response = visit.show("entrar.html", 401, back=back, kept=kept, expired=True)
        else:
            response = self._sent_to_the_door(here(request))
        if self._jar.read(request, cookies.SESSION):
            self._jar.drop(response, cookies.SESSION)
        return self._remembered(visit, response)

    @staticmethod
    def _sent_to_the_door(back: str) -> Response:
        return RedirectResponse(f"/entrar?volta={quote(back, safe='/')}", status_code=303)

    def _ours(self, visit: Visit) -> bool:
        """Whether a page of this session sent the form, or at the door one of this visit.

        Another tab may have signed in, or out, since the page at the door was made.
        """
        bound = {visit.bound_to}
        if self._page.door:
            bound.add(self._jar.read(visit.request, cookies.VISIT))
        token = visit.form[csrf.FIELD]
        fits = any(csrf.fits(token, word) for word in bound)
        return fits and not csrf.from_elsewhere(visit.request)

    async def _too_old(self, visit: Visit) -> Response:
        """A form of another session; from a page of ours it is shown once more, to be sent anew.

        Only the browser can say where it came from: another site's form is not offered.
        """
        if not csrf.from_here(visit.request):
            return self._refused(visit, 400, "form_too_old")
        if self._page.door:
            return await self._at_the_door_again(visit)
        kept = kept_fields(visit.form)
        return visit.show("continuar.html", 400, to=here(visit.request), kept=kept)

    async def _at_the_door_again(self, visit: Visit) -> Response:
        """The page at the door that the form is of, with what was typed."""
        if self._page.get is None:
            return self._refused(visit, 400, "form_too_old")
        again = visit.form.wrong(form_=text("form.again"))
        response = await self._page.get(replace(visit, form=again))
        if response.status_code == 200:
            response.status_code = 400
        return self._remembered(visit, response)

    def _refused(self, visit: Visit, status: int, what: str) -> Response:
        """A page that says why not, with what was typed and the way back to where it was."""
        back = visit.request.url.path if self._page.get else ""
        again = visit.request.method != "POST"
        form = None if again or what in _NOT_AGAIN else sent_again(visit)
        return visit.show("erro.html", status, what=what, back=back, again=again, typed=form)

    def _ask_ticket(self, visit: Visit) -> Response:
        """Ours name the ticket they act for; the form goes on with it."""
        typed = visit.form.has(TICKET)
        return visit.show(
            "chamado.html",
            422 if typed else 200,
            to=here(visit.request),
            kept=kept_fields(visit.form, but=(TICKET,)),
            wrong=typed,
        )


def routes(pages: Sequence[PanelPage], jar: Jar) -> list[Route]:
    """A route a page."""
    return [
        Route(page.path, cast("Handler", PageEndpoint(page, jar)), name=page.name) for page in pages
    ]
