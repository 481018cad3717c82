"""One page: its address, who may see it, who may do what it offers, and who answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.panel.kit import cookies, csrf
from services.panel.kit.cookies import Jar
from services.panel.kit.figures import Figure, FigureKind, Patience
from services.panel.kit.forms import NOTHING_TYPED, TypedForm
from services.panel.kit.menu import MenuItem, menu_of
from services.panel.kit.render import render
from services.panel.kit.say import BRASILIA, Clock
from services.panel.resources import PanelResources
from services.panel.texts import TEXTS
from shared.db.connection import Pool
from shared.db.one_tenant import Isolation, pool_of
from shared.domain.people import Person, Rank, Right, may, needs_ticket, signature

if TYPE_CHECKING:
    from shared.db.tenants.tenants_store import Tenant

T = TypeVar("T")

TENANT: Final = "/e/{tenant}"  # every page of a tenant is below it
TICKET: Final = "chamado"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request that was let in. Outside of the front door somebody is signed in."""

    request: Request
    resources: PanelResources
    jar: Jar
    bound_to: str  # the session's word, or the visit's: what forms are bound to
    form: TypedForm
    who: Person | None = None
    standing: Rank | None = None
    of: "Tenant | None" = None
    ticket: str | None = None
    patience: Patience = field(default_factory=Patience)
    about: str = ""  # the address of the page that this is or, where something is posted, stands on

    @property
    def person(self) -> Person:
        """Who is signed in."""
        if self.who is None:
            raise AssertionError("this page is for people who are signed in")
        return self.who

    @property
    def tenant(self) -> "Tenant":
        """The tenant the address names."""
        if self.of is None:
            raise AssertionError("the address of this page names no tenant")
        return self.of

    @property
    def pool(self) -> Pool:
        """Connections that see the tenant of this page alone."""
        return self.pool_as("read_committed")

    def pool_as(self, isolation: Isolation) -> Pool:
        """The same with another isolation."""
        return pool_of(self.resources.pool, self.tenant.id, isolation)

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's."""
        return ZoneInfo(self.tenant.timezone)

    @property
    def clock(self) -> Clock:
        """The time of this page."""
        zone = ZoneInfo(self.of.timezone) if self.of else BRASILIA
        return Clock(now=self.resources.now(), zone=zone)

    @property
    def by(self) -> str:
        """How histories name who is signed in."""
        return signature(self.person, self.standing or "accountant", self.ticket)

    @property
    def base(self) -> str:
        """Where the tenant's pages begin."""
        return f"/e/{self.tenant.id}"

    def can(self, right: Right) -> bool:
        """Whether who is signed in has a right here."""
        return self.standing is not None and may(self.standing, right)

    def show(self, template: str, status: int = 200, **data: Any) -> Response:
        """A page."""
        word = self.jar.read(self.request, cookies.SAID)
        said = word if f"said.{word}" in TEXTS else ""
        context = {"v": self, "form": self.form, "blank": NOTHING_TYPED, "said": said, **data}
        response = render(template, context, status)
        if word:
            self.jar.drop(response, cookies.SAID)
        return response

    async def figure(self, kind: FigureKind[T], add_up: Callable[[], Awaitable[T]]) -> Figure[T]:
        """A figure of this tenant, by a pool that sees no other."""
        figures = self.resources.figures
        return await figures.of(self.pool, self.tenant.id, kind, add_up, self.patience)

    def go(self, path: str, said: str = "") -> Response:
        """On to another page, which tells what was done; `said` is a word of the texts."""
        response = RedirectResponse(path, status_code=303)
        if said:
            self.jar.keep_said(response, said)
        return response

    @property
    def csrf(self) -> str:
        """A token for a form of this page."""
        return csrf.token(self.bound_to)

    @property
    def menu(self) -> Sequence[MenuItem]:
        """The tenant's pages that are open to who is signed in."""
        if self.standing is None:
            return ()
        return menu_of(self.standing, self.request.url.path.removeprefix(self.base))

    @property
    def asks_ticket(self) -> bool:
        """Whether what is done here has to name a ticket."""
        return self.standing is not None and needs_ticket(self.standing)


Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelPage:
    """How one address is served. `see` None: for whoever is signed in, or anybody at the door."""

    path: str
    name: str
    get: Handler | None = None
    post: Handler | None = None
    see: Right | None = None
    do: Right | None = None  # beside `see`, for what is posted
    door: bool = False  # for people who are not signed in
    once: bool = False  # beside those with `do`: sent twice it is done once
    looks: bool = False  # what is posted only looks, and is looked at anew each time
    idle: bool = False  # it does nothing for who is not signed in: any form does, as old as it is

    @property
    def of_tenant(self) -> bool:
        """Whether the address names a tenant."""
        return self.path.startswith(TENANT)

    @property
    def acts_once(self) -> bool:
        """Whether what is posted here changes something, so that a second sending must not."""
        acts = self.do is not None or self.once
        return self.post is not None and acts and not self.looks

    @property
    def methods(self) -> Sequence[str]:
        """By which it may be asked for."""
        return (*(("GET", "HEAD") if self.get else ()), *(("POST",) if self.post else ()))

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Who answers, by method."""
        found = {"GET": self.get, "POST": self.post}
        return {method: handler for method, handler in found.items() if handler is not None}
