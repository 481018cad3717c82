"""Requests to the eNotas Gateway: one try each, and what its failure means."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

import structlog
from aiohttp import ClientError, ClientSession
from msgspec import Struct
from yarl import URL

from shared.domain.errors import UncertainError
from shared.issuer.errors import (
    NOT_THEIRS,
    IssuerBusy,
    IssuerForbidden,
    IssuerKeyRefused,
    IssuerNotLeft,
    IssuerUnavailable,
)
from shared.issuer.limits import Limits
from shared.net.http import (
    NEVER_SENT,
    AnswerTooLarge,
    MayLeave,
    NotLeft,
    demand_https,
    leaving_only_if,
    retry_after,
)
from shared.net.json_bytes import read_json
from shared.net.measured import Calls
from shared.net.straight import Straight

log = structlog.get_logger()

EnotasMethod = Literal["GET", "POST", "DELETE"]
CONNECT_SECONDS: Final = 5.0
DEFAULT_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=5)
KINDS: Final[dict[EnotasMethod, str]] = {"GET": "read", "POST": "issue", "DELETE": "cancel"}
CALLS: Final = Calls("issuer", kind="call")
MOST_BYTES: Final = 16 * 2**20  # a page of a hundred notas is below 1 MB, a PDF below 5


# The beginning of a page, after what may come before it: each comment ends once, so that many of
# them are not put together in every way.
_PAGE: Final = re.compile(
    rb"(?:\s|\xef\xbb\xbf|<\?.{0,200}?\?>|<!--.{0,2000}?-->)*+"
    rb"<(?:!doctype\s+html|html|head|body|center|script|title|meta)\b",
    re.IGNORECASE | re.DOTALL,
)
_FREELY_WORDED: Final = frozenset({400, 409, 422})  # texts, XML: what a city or a parser says
_OF_ERRORS: Final = frozenset({"codigo", "mensagem"})
_BARE: Final = frozenset({401, 403, 404})  # may come with nothing at all


class AnswerLost(UncertainError):
    """A request may have arrived, and no answer came. `why` is a constant word."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the answer was lost: {why}")
        self.why = why


class EnotasAnswer(Struct, frozen=True, kw_only=True):
    """What came back, whatever it says."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_refusal(self) -> bool:
        """A 4xx that speaks of this request; 408 and 5xx say nothing about what was done."""
        return 400 <= self.status < 500 and self.status != 408

    @property
    def is_own_word(self) -> bool:
        """Whether an answer can be the issuer's, which never answers in HTML but for a fault.

        A firewall, a captive portal or a proxy on the way says nothing about keys, companies or
        notas: it redirects, answers a page with whatever status, or refuses in a shape of its own.
        The issuer refuses with its errors as JSON, or with nothing at all (enotas-api, 2.2).
        """
        if self.status >= 500 or self.status in (408, 429):
            return True  # says nothing of what was asked, whoever said it
        if 300 <= self.status < 400 or _PAGE.match(self.body):
            return False
        if self.status < 400 or self.status in _FREELY_WORDED:
            return True
        if not self.body.strip():
            return self.status in _BARE
        try:
            content = self.json()
        except ValueError:
            return False
        # What stops a company is confirmed by a second look. What proves absence, or that nothing
        # of a nota was taken, has to look as documented.
        return self.status in (401, 403) or _are_errors(content)

    def json(self) -> Any:
        """The body; ValueError when it is no JSON."""
        return read_json(self.body)

    def asked_to_wait(self) -> timedelta | None:
        """How long `Retry-After` asks us to wait, if it does."""
        if "Retry-After" not in self.headers:
            return None
        return retry_after(self.headers, default=DEFAULT_PAUSE, longest=LONGEST_PAUSE)


def _are_errors(content: object) -> bool:
    """Whether JSON is a list of errors, or one of them alone."""
    if isinstance(content, dict):
        return not _OF_ERRORS.isdisjoint(str(name).lower() for name in content)
    return isinstance(content, list)


class Transport:
    """Sends requests under one key. Logs and errors hold neither key, nor body, nor path."""

    def __init__(
        self,
        session: ClientSession,
        *,
        base_url: str,
        api_key: str,
        limits: Limits,
        limit_key: str,
        company_id: str,
        timeout: timedelta,
        patience: timedelta,
    ) -> None:
        self._base = demand_https(base_url)
        # The key as the panel shows it: it looks like base64 and is not encoded again (2.1).
        # Without Accept an XML answer has been seen.
        headers = {"Authorization": f"Basic {api_key}", "Accept": "application/json"}
        self._straight = Straight(
            session, base=URL(self._base), headers=headers, to_connect=CONNECT_SECONDS
        )
        self._limits = limits
        self._limit_key = limit_key
        self._whose = company_id
        self._timeout = timeout.total_seconds()
        self._patience = patience

    def url(self, path: str) -> URL:
        """The address of a path that is percent-encoded already."""
        return URL(f"{self._base}{path}", encoded=True)

    async def send(
        self,
        method: EnotasMethod,
        url: URL,
        body: bytes | None = None,
        *,
        may_leave: MayLeave | None = None,
        within: timedelta | None = None,
    ) -> EnotasAnswer:
        """Send one request once. Raises AnswerLost, or IssuerUnavailable when it never left.

        An answer that takes longer than `within` is lost, where that is less than the usual.
        `may_leave` is asked while it waits for its turn, and again on the connection it goes out
        on: IssuerNotLeft where it says no. 401, 403 and 429 are raised too: they say that nothing
        was done. Whatever comes in somebody else's words is a lost answer.
        """
        turn = self._limits.turn(
            self._limit_key, patience=self._patience, may_leave=may_leave, whose=self._whose
        )
        async with turn:
            with leaving_only_if(may_leave):
                answer = await self._send(method, url, body, within)
        if answer.status >= 400:
            log.info("issuer_refused", method=method, status=answer.status)
        match answer.status:
            case _ if not answer.is_own_word:
                raise AnswerLost(NOT_THEIRS)
            case 401:
                raise IssuerKeyRefused
            case 403:
                raise IssuerForbidden
            case 429:
                wait = answer.asked_to_wait() or DEFAULT_PAUSE
                await self._limits.pause(self._limit_key, wait)
                raise IssuerBusy(wait)
            case _:
                return answer

    async def read(
        self, url: URL, *, within: timedelta | None = None, may_be_empty: bool = False
    ) -> EnotasAnswer:
        """Read; only 200 and refusals come back, and 204 where nothing is an answer too.

        Asks a second time when a connection broke.
        """
        try:
            answer = await self.send("GET", url, within=within)
        except AnswerLost as lost:
            if lost.why != "broken connection":
                raise IssuerUnavailable(lost.why) from None
            try:
                answer = await self.send("GET", url, within=within)
            except AnswerLost as again:
                raise IssuerUnavailable(again.why) from None
        told = answer.status == 200 or (may_be_empty and answer.status == 204)
        if not told and not answer.is_refusal:
            raise IssuerUnavailable(f"status {answer.status}")
        return answer

    async def _send(
        self, method: EnotasMethod, url: URL, body: bytes | None, within: timedelta | None
    ) -> EnotasAnswer:
        with CALLS.call(KINDS[method]) as said:
            answer = await self._sent(method, url, body, self._within(within))
            said.status(answer.status)
        return answer

    def _within(self, wanted: timedelta | None) -> float:
        """The seconds that a whole request has: what is wanted, where it is less than the usual."""
        return self._timeout if wanted is None else min(wanted.total_seconds(), self._timeout)

    async def _sent(
        self, method: EnotasMethod, url: URL, body: bytes | None, seconds: float
    ) -> EnotasAnswer:
        try:
            answer = await self._straight.send(
                method, url, body=body, seconds=seconds, most=MOST_BYTES
            )
        # What the library raises may show the request, so it is never passed on.
        except NotLeft:
            raise IssuerNotLeft from None
        except NEVER_SENT:
            raise IssuerUnavailable("no connection") from None
        except TimeoutError:
            raise AnswerLost("time-out") from None
        except AnswerTooLarge:
            raise AnswerLost("too large") from None
        except ClientError:
            raise AnswerLost("broken connection") from None
        return EnotasAnswer(status=answer.status, headers=answer.headers, body=answer.body)
