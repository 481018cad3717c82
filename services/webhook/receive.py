"""One delivery: who sent it, what it says, keep it, answer. An ASGI app by itself.

It answers 200 only after the commit and reads nothing but the secret's hash before that. Answers
have no body: there is nothing that a sender needs to know, and a stranger must learn nothing.
"""

import time
from collections.abc import Mapping
from typing import Final, Literal

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import Receive, Scope, Send

from services.webhook.body import BodyError, Room, read_body
from services.webhook.commit_batch import Committer
from services.webhook.days import Days
from services.webhook.held import Delivery, NotCommittedError
from services.webhook.interpret import KNOWN_TYPES, Heard, read_enotas, read_vindi
from services.webhook.rejections import Rejections
from services.webhook.secrets import Owner, Secrets, secret_of_basic
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.outbox.outbox_store import LIVE, Mark
from shared.db.vindi.events_store import Source, StoredEvent, new_event_id
from shared.domain.ids import TenantId
from shared.telemetry import traces
from shared.telemetry.severity import severity

Reception = Literal[
    "stored",
    "flagged",
    "unknown_secret",
    "not_post",
    "too_large",
    "gone",
    "refused",
    "day_full",
]
Headers = Mapping[bytes, str]

LARGEST: Final[Mapping[str, int]] = {"vindi": 1024 * 1024, "enotas": 64 * 1024}  # bytes
USEFUL_HEADERS: Final = (b"user-agent", b"content-type", b"x-request-id")
NEEDED_HEADERS: Final = frozenset({*USEFUL_HEADERS, b"content-length", b"authorization"})
LONGEST_HEADER: Final = 200
NOBODY: Final = Owner(None, None)
ROUTES: Final[Mapping[Source, str]] = {
    "vindi": "/v1/vindi/{secret}",
    "enotas": "/v1/enotas/{secret}",
}
VINDIS_AGENT: Final = "Vindi-Hookshot"  # vindi-api.md, section 9.2

EMPTY: Final = (b"content-length", b"0")
ANSWERS: Final[Mapping[Reception, tuple[int, list[tuple[bytes, bytes]]]]] = {
    "stored": (200, [EMPTY]),
    "flagged": (200, [EMPTY]),
    "unknown_secret": (404, [EMPTY]),
    "not_post": (405, [EMPTY, (b"allow", b"POST")]),
    "too_large": (413, [EMPTY]),
    "refused": (503, [EMPTY, (b"retry-after", b"5")]),
    "day_full": (503, [EMPTY, (b"retry-after", b"3600")]),
}

_AT_FIRST: Final[tuple[Reception, ...]] = ("stored", "refused")  # so that the first is a rise
DELIVERIES: Final = Counter(
    "notaponte_webhook_deliveries_total",
    "Deliveries by what became of them.",
    ["source", "outcome"],
)
# The library looks a series up by its labels anew each time, under a lock.
_SERIES: Final[dict[tuple[str, Reception], Counter]] = {}


def _series(source: str, outcome: Reception) -> Counter:
    series = _SERIES.get((source, outcome))
    if series is None:
        series = _SERIES[source, outcome] = DELIVERIES.labels(source, outcome)
    return series


for _source in LARGEST:
    for _outcome in _AT_FIRST:
        _series(_source, _outcome)
REJECTED: Final = Counter(
    "notaponte_webhook_rejected_vindi_total",
    "Deliveries with Vindi's User-Agent that were not stored: somebody's events are being lost.",
    ["outcome"],
)
SECONDS: Final = Histogram(
    "notaponte_webhook_delivery_seconds",
    "Time from a delivery's head to its answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)

log = structlog.get_logger()


class Receiver:
    """Takes requests to `/v1/{source}` and `/v1/{source}/{secret}`, as the router found them."""

    def __init__(
        self,
        *,
        secrets: Secrets,
        committer: Committer,
        sealer: Sealer,
        rejections: Rejections,
        days: Days,
    ) -> None:
        self._days = days
        self._secrets = secrets
        self._rejections = rejections
        self._committer = committer
        self._sealer = sealer
        self._room = Room()

    async def receive(
        self, scope: Scope, receive: Receive, send: Send, *, source: Source, secret: str | None
    ) -> None:
        started = time.perf_counter()
        headers = _needed(scope)
        # Whoever sends may be anybody: no `traceparent` of theirs is taken.
        with traces.span(f"POST {ROUTES[source]}", kind="server", route=ROUTES[source]) as told:
            outcome = await self._outcome(scope["method"], headers, receive, source, secret)
            told.note(outcome=outcome)
            _count(source, outcome, headers)
            if outcome != "gone":
                told.note(http_status=ANSWERS[outcome][0])
                await send_answer(send, outcome)
        SECONDS.observe(time.perf_counter() - started)

    async def _outcome(
        self, method: str, headers: Headers, receive: Receive, source: Source, secret: str | None
    ) -> Reception:
        if method != "POST":
            return "not_post"
        if secret is None:
            secret = secret_of_basic(headers.get(b"authorization", ""))
        try:
            owner = await self._secrets.owner(source, secret) if secret else NOBODY
        except Exception as error:  # noqa: BLE001 - whatever the database said: come again
            log.log(severity(error), "secret_look_up_failed", error=type(error).__name__)
            return "refused"
        if owner.tenant is None:
            # Only who holds a secret that was valid once proves that the tenant's own set-up sends
            # there; whatever else a stranger says is no reason to alarm anybody.
            if owner.former is not None and source == "vindi":
                self._rejections.note(owner.former)
            return "unknown_secret"
        return await self._keep(owner.tenant, source, headers, receive)

    async def _keep(
        self, tenant: TenantId, source: Source, headers: Headers, receive: Receive
    ) -> Reception:
        traces.note(tenant_id=tenant)
        if self._days.full(tenant):
            self._rejections.note_flood(tenant)
            return "day_full"
        told = headers.get(b"content-length")
        try:
            body = await read_body(
                self._room, receive, tenant=tenant, told=told, limit=LARGEST[source]
            )
        except BodyError as error:
            return error.trouble
        try:
            heard = _read(source, body, tenant)
            traces.note(bill_id=heard.bill_id, event=_event(heard))
            # One event is kept as it came, of several each has its part.
            kept = [(one, body if one.part is None else one.part) for one in (heard, *heard.others)]
            deliveries = [self._delivery(tenant, source, *one, headers) for one in kept]
            with traces.span("wait for commit"):
                await self._committer.commit_all(deliveries)
            for _, part in kept:
                self._days.count(tenant, len(part))
        except NotCommittedError:
            return "refused"
        finally:
            self._room.give_back(tenant, len(body))
        flagged = heard.flag or any(one.flag for one in heard.others)
        return "flagged" if flagged else "stored"

    def _delivery(
        self, tenant: TenantId, source: Source, heard: Heard, body: bytes, headers: Headers
    ) -> Delivery:
        event_id = new_event_id()
        event = StoredEvent(
            tenant_id=tenant,
            event_id=event_id,
            source=source,
            type=heard.type,
            bill_id=heard.bill_id,
            event_at=heard.event_at,
            flag=heard.flag,
            headers={name.decode(): headers[name] for name in USEFUL_HEADERS if name in headers},
            body=columns.EVENT.seal(self._sealer, tenant, body, event_id),
        )
        if heard.bill_id is None or not heard.due:
            return Delivery(event=event, mark=None)
        mark = Mark(
            tenant_id=tenant,
            bill_id=heard.bill_id,
            lane=LIVE,
            origin="webhook",
            about_bill=source == "vindi",
            about_nota=source == "enotas",
            traceparent=traces.carried(),
        )
        return Delivery(event=event, mark=mark)


def _read(source: Source, body: bytes, tenant: TenantId) -> Heard:
    """What a body says. The readers take all bytes; if they do not, the event is kept all the same.

    A delivery refused for what is in it would be refused for 48 hours, and then be lost.
    """
    try:
        return read_vindi(body) if source == "vindi" else read_enotas(body, tenant)
    except Exception:
        log.exception("delivery_not_interpreted", tenant_id=tenant, source=source)
        return Heard(flag="malformed")


def _event(heard: Heard) -> str:
    """The type of an event as a trace may have it: one that we know, or a word for all others."""
    return heard.type if heard.type in KNOWN_TYPES else heard.flag or "other"


def _needed(scope: Scope) -> Headers:
    """The headers somebody looks at, as text that a jsonb column takes."""
    return {
        name: value.decode("latin-1").replace("\0", "")[
            : None if name == b"authorization" else LONGEST_HEADER
        ]
        for name, value in scope["headers"]
        if name in NEEDED_HEADERS
    }


def _count(source: Source, outcome: Reception, headers: Headers) -> None:
    _series(source, outcome).inc()
    stored = outcome in ("stored", "flagged")
    if not stored and _from_vindi(headers):
        REJECTED.labels(outcome).inc()


def _from_vindi(headers: Headers) -> bool:
    return headers.get(b"user-agent", "").startswith(VINDIS_AGENT)


async def send_answer(send: Send, outcome: Reception) -> None:
    """Answer with a status and nothing else."""
    status, headers = ANSWERS[outcome]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})
