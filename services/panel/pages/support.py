"""Suporte: one box for a company, a sale or a nota of anybody; what happened between two instants.

What is typed into the box stands in no address: it may be a customer's document.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.typed import number_said, read_instant
from services.panel.show import activity
from services.panel.texts import text
from shared.db.connection import Connection
from shared.db.people import people_store
from shared.db.sales import search_read
from shared.db.sales.search_read import FoundSale
from shared.db.tenants import activity_read, tenants_store
from shared.db.tenants.activity_read import ACTIVITY_KINDS, ActivityKind, ActivityPlace
from shared.db.tenants.tenants_store import Tenant
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId
from shared.domain.messages import label_for
from shared.domain.party import document_state, normalise_document
from shared.domain.people import plain_email
from shared.words import plain_number

_HERE: Final = re.compile(r"/e/(t[a-z0-9]{10}(?:/vendas/\d{1,19})?)")
_EXTERNAL: Final = re.compile(r"[hp]-(t[a-z0-9]{10})-(\d{1,19})(?:x\d+)?-\d+")
_NOTA: Final = re.compile(r"[0-9A-Za-z./-]{1,50}")
_MOST: Final = 50
_ROWS: Final = 100
_LONGEST: Final = timedelta(days=31)
PATH: Final = f"{TENANT}/acontecimentos"


async def show(visit: Visit) -> Response:
    """The box, and the newest companies."""
    return await _show(visit, "")


async def search(visit: Visit) -> Response:
    """A company's name or id, a bill, a nota, the issuer's idExterno, a CPF or CNPJ, who signs in.

    An address of the panel or of a bill at Vindi does as well.
    """
    words = visit.form["busca"].strip()[:200]
    if here := _HERE.search(words):
        return visit.go(f"/e/{here[1]}")
    words = number_said(words)
    exact = _EXTERNAL.fullmatch(words)
    if exact:
        return visit.go(f"/e/{exact[1]}/vendas/{exact[2]}")
    return await _show(visit, words)


async def _show(visit: Visit, words: str) -> Response:
    bill = plain_number(words, LARGEST_BILL)
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    async with visit.resources.pool.acquire() as conn:
        companies = await tenants_store.search_any_tenant(
            conn, like=f"%{escaped}%", word=words, bill=None, limit=_MOST
        )
        companies += await _of_somebody(visit, conn, words)
        sales = await _sales(visit, conn, words, bill) if words else []
    return visit.show(
        "suporte.html",
        companies=companies,
        sales=[(one, label_for(one.status)) for one in sales],
        words=words,
    )


async def _of_somebody(visit: Visit, conn: Connection, words: str) -> list[Tenant]:
    """The companies of whoever signs in with this address."""
    email = plain_email(words)
    person = email and await people_store.find(conn, visit.resources.sealer, email)
    if not person:
        return []
    return await tenants_store.of_person_any_tenant(conn, person, limit=_MOST)


async def _sales(
    visit: Visit, conn: Connection, words: str, bill: int | None
) -> Sequence[FoundSale]:
    """What the words may be, each once: a bill's number may be a nota's too."""
    found: list[FoundSale] = []
    if bill is not None:
        found += await search_read.by_bill_any_tenant(conn, BillId(bill), limit=_MOST)
    if _NOTA.fullmatch(words):
        found += await search_read.by_nota_any_tenant(conn, words, limit=_MOST)
    if document_state(normalise_document(words)) == "valid":
        found += await search_read.by_document_any_tenant(
            conn, visit.resources.sealer, words, limit=_MOST
        )
    once = {(one.tenant_id, one.bill_id): one for one in reversed(found)}
    return list(reversed(once.values()))[:_MOST]


async def happened(visit: Visit) -> Response:
    """Events, decisions, notas and what people did at one company, by their time."""
    given = visit.request.query_params
    now = visit.resources.now()
    # Whole seconds, as the address of the next page has it: else that page lacked the newest.
    until = _instant(visit, given.get("ate", "")) or now.replace(microsecond=0) + timedelta(
        seconds=1
    )
    since = _instant(visit, given.get("de", "")) or until - timedelta(days=1)
    kinds = [kind for kind in ACTIVITY_KINDS if kind in given.getlist("tipo")]
    wrong = "" if since < until <= since + _LONGEST else text("happened.wrong")
    if any(given.get(name) and _instant(visit, given[name]) is None for name in ("de", "ate")):
        wrong = text("happened.no_instant")  # what is shown would be another day's
    after = _place(given.get("depois", ""))
    found = []
    if not wrong:
        async with visit.pool.acquire() as conn:
            found = await activity_read.between(
                conn,
                visit.tenant.id,
                since=since,
                until=until,
                kinds=kinds or ACTIVITY_KINDS,
                after=after,
                limit=_ROWS + 1,
            )
    shown = found[:_ROWS]
    query: list[tuple[str, str]] = [("de", _typed(visit, since)), ("ate", _typed(visit, until))]
    query += [("tipo", kind) for kind in kinds]
    if len(found) > _ROWS:
        place = shown[-1].place
        query.append(("depois", f"{place.at.isoformat()}~{place.kind}~{place.key}"))
    return visit.show(
        "acontecimentos.html",
        422 if wrong else 200,
        since=_typed(visit, since),
        until=_typed(visit, until),
        wrong=wrong,
        kinds=activity.KINDS,
        ticked=kinds or ACTIVITY_KINDS,
        lines=activity.shown(shown),
        next=urlencode(query) if len(found) > _ROWS else "",
    )


def _instant(visit: Visit, given: str) -> datetime | None:
    """What a field for a local date and time holds; None for nothing and nonsense."""
    local = read_instant(given)
    if local is None:
        return None
    return local.replace(tzinfo=local.tzinfo or visit.zone).astimezone(UTC)


def _typed(visit: Visit, at: datetime) -> str:
    return f"{at.astimezone(visit.zone):%Y-%m-%dT%H:%M:%S}"


def _place(given: str) -> ActivityPlace | None:
    at, _, rest = given[:120].partition("~")
    kind, _, key = rest.partition("~")
    known: ActivityKind | None = next((one for one in ACTIVITY_KINDS if one == kind), None)
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        return None
    if known is None or instant.tzinfo is None or not 2000 <= instant.year <= 2199:
        return None
    return ActivityPlace(at=instant, kind=known, key=key)


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path="/suporte", name="support", get=show, post=search, see="search"),
    PanelPage(path=PATH, name="happened", get=happened, see="search"),
)
