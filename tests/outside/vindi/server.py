"""Vindi's API on loopback, read-only: authentication, lists, single records, limits and errors.

Source: the working reference of Vindi's API, sections 1 to 5 and 11.
"""

import base64
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from aiohttp import web

from tests.outside.vindi.query import FIELDS, Refused, Search, field_of
from tests.outside.vindi.records import Account, Record
from tests.outside.vindi.rendered import rendered
from tests.outside.wire import Dress, Weather, send, trouble_after, trouble_before

KINDS = {
    "bills": "bill",
    "charges": "charge",
    "transactions": "transaction",
    "customers": "customer",
    "products": "product",
    "invoices": "invoice",
}
WINDOW = 60.0  # seconds; a fixed one that opens with its first request

Turned = Callable[[Account, str, int], None]  # what happens while pages are read


@dataclass(slots=True, kw_only=True)
class Vindi:
    """Every account of one environment, by its key."""

    accounts: dict[str, Account] = field(default_factory=dict)
    dress: Dress = field(default_factory=Dress)
    weather: Weather = field(default_factory=Weather)
    url: str = ""
    asked: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=20_000))
    on_page: Turned | None = None
    refused: int = 0  # answered 429 for the account's own limit
    _windows: dict[str, tuple[float, int]] = field(default_factory=dict)
    _requests: "count[int]" = field(default_factory=lambda: count(1))

    def open_account(self, seed: int) -> Account:
        account = Account(key=f"chave-de-fora-{seed:04d}-abcdefghijklmnop", seed=seed)
        self.accounts[account.key] = account
        return account

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs))
        kind = self.weather.over(request)
        spoilt = await trouble_before(request, kind)
        if spoilt is not None:
            return spoilt
        status, value, headers = self._answer(request)
        headers["X-Request-Id"] = f"00000000-0000-4000-8000-{next(self._requests):012d}"
        if isinstance(value, bytes):
            body = value
            headers["Content-Type"] = "text/html"
        else:
            body = self.dress.text(value)
        spoilt = await trouble_after(request, kind, body, headers, self.weather.slow)
        return spoilt or await send(request, body, status, headers, self.dress)

    def _answer(self, request: web.Request) -> tuple[int, Any, dict[str, str]]:
        account = self._account(request)
        if account is None:
            return 401, _errors("unauthorized", "authorization", "Chave inválida"), {}
        headers = self._rate(account)
        if headers is None:
            self.refused += 1
            return 429, _errors("rate_limit", None, "Limite excedido"), {"Retry-After": "1"}
        if account.status:
            return account.status, _errors("blocked", None, "Conta bloqueada"), headers
        if request.method != "GET":
            return 403, _errors("forbidden", None, "Somente leitura"), headers
        status, value, more = _answered(account, request, self.on_page)
        if account.readings.cookies:
            more["Set-Cookie"] = "_db_splitter=primary; path=/; max-age=5"
        return status, value, {**headers, **more}

    def _account(self, request: web.Request) -> Account | None:
        given = request.headers.get("Authorization", "")
        try:
            user, _, password = (
                base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
            )
        except ValueError:
            return None
        return self.accounts.get(user) if not password else None

    def _rate(self, account: Account) -> dict[str, str] | None:
        """The headers of this request; None if it is one too many."""
        start, used = self._windows.get(account.key, (0.0, 0))
        if time.time() - start >= WINDOW:
            start, used = time.time(), 0
        self._windows[account.key] = (start, used + 1)
        limit = account.readings.limit
        if used >= limit:
            return None
        if not account.readings.rate_headers:
            return {}
        return {
            "Rate-Limit-Limit": str(limit),
            "Rate-Limit-Remaining": str(limit - used - 1),
            "Rate-Limit-Reset": str(int(start + WINDOW)),
        }


def _answered(
    account: Account, request: web.Request, on_page: Turned | None
) -> tuple[int, Any, dict[str, str]]:
    parts = request.path.removeprefix("/api/v1/").strip("/").split("/")
    if parts == ["merchants", "current"]:
        return 200, {"merchant": _merchant(account)}, {}
    if parts == ["roles"]:
        return 200, {"roles": [{"id": 1, "name": "Leitura", "base_role": "ReadOnly"}]}, {}
    if parts[0] not in KINDS:
        return 404, {"id": "not_found", "message": "Recurso não encontrado"}, {}
    if parts[0] in account.refused:
        return 403, _errors("forbidden", None, "Perfil de acesso sem permissão"), {}
    if len(parts) == 2:
        return _single(account, parts[0], parts[1])
    return _list(account, parts[0], request, on_page)


def _single(account: Account, name: str, number: str) -> tuple[int, Any, dict[str, str]]:
    kind = KINDS[name]
    records: dict[int, Record] = getattr(account, name)
    record = records.get(int(number)) if number.isdecimal() else None
    if record is None or (kind == "bill" and _is_hidden(account, record)):
        return _missing(account)
    return 200, {kind: rendered(account, kind, record)}, {}


def _missing(account: Account) -> tuple[int, Any, dict[str, str]]:
    match account.readings.missing:
        case "bare":
            return 404, {"id": "not_found", "message": "Não encontrado"}, {}
        case "html":
            return 404, b"<html><body>404</body></html>", {}
        case "empty":
            return 404, b"", {}
    return 404, _errors("not_found", None, "Registro não encontrado"), {}


def _list(
    account: Account, name: str, request: web.Request, on_page: Turned | None
) -> tuple[int, Any, dict[str, str]]:
    asked = request.query
    page = int(asked.get("page", "1"))
    if on_page is not None:
        on_page(account, name, page)
    try:
        rows = _found(account, name, asked.get("query", ""))
    except Refused as problem:
        return 422, _errors("invalid_parameter", "query", str(problem)), {}
    if account.readings.sorts:
        order = asked.get("sort_by", "id"), asked.get("sort_order", "asc")
        rows = _sorted(KINDS[name], rows, *order)
    most = account.readings.page_most
    page = 1 if account.readings.pages == "repeat" else page
    size = int(asked.get("per_page", "25"))
    size = min(size, most) if most else size
    shown = rows[(page - 1) * size : page * size]
    body = {name: [rendered(account, KINDS[name], row) for row in shown]}
    total = len(rows)
    match account.readings.total_says:
        case "more" if not rows:
            total = 1  # as was recorded once
        case "page":
            total = len(shown)
    return 200, body, _list_headers(account, request, total, page, size)


def _found(account: Account, name: str, query: str) -> list[Record]:
    kind = KINDS[name]
    records: dict[int, Record] = getattr(account, name)
    rows = [row for row in records.values() if kind != "bill" or not _is_hidden(account, row)]
    readings = account.readings
    if not query.strip():
        return rows
    if " OR " in query.upper():
        if readings.or_ids == "ignored":
            return rows
        if readings.or_ids == "refused":
            raise Refused("OR")
    search = Search(
        kind=kind,
        zone=readings.zone,
        unknown=readings.unknown_filter,
        ignored=readings.ignored,
        refuses=readings.refuses,
    )
    test = search.read(query)
    return [row for row in rows if test(row)]


def _sorted(kind: str, rows: list[Record], by: str, order: str) -> list[Record]:
    """By a field that may be searched, else by id; equal ones in no promised order."""
    if by not in FIELDS[kind].split():
        by = "id"
    usual = datetime if by.endswith("_at") else type(field_of(rows[0], by)) if rows else str
    known = [row for row in rows if isinstance(field_of(row, by), usual)]
    odd = [row for row in rows if not isinstance(field_of(row, by), usual)]
    known.sort(key=lambda row: field_of(row, by), reverse=order == "desc")
    return known + odd


def _list_headers(
    account: Account, request: web.Request, total: int, page: int, size: int
) -> dict[str, str]:
    if not account.readings.totals:
        return {}
    headers = {"Total": str(total), "Per-Page": str(size)}
    last = -(-total // size)
    if last > 1:
        here = f"https://app.vindi.com.br{request.path}"
        links = [f'<{here}?page={last}>; rel="last"']
        if page < last:
            links.append(f'<{here}?page={page + 1}>; rel="next"')
        headers["Link"] = ", ".join(links)
    return headers


def _merchant(account: Account) -> dict[str, Any]:
    if account.readings.merchant == "little":
        return {"id": account.id, "name": account.name, "registry_code": None}
    return {
        "id": account.id,
        "name": account.name,
        "company_name": account.name,
        "registry_code": account.registry_code,
        "email": "loja@loja.example",
        "status": account.readings.merchant,
    }


def _is_hidden(account: Account, bill: Record) -> bool:
    """Not yet on the replica that answers."""
    return time.monotonic() < account.hidden.get(bill["id"], 0.0)


def _errors(word: str, parameter: str | None, message: str) -> dict[str, Any]:
    return {"errors": [{"id": word, "parameter": parameter, "message": message}]}


@asynccontextmanager
async def running_vindi(vindi: Vindi) -> AsyncIterator[Vindi]:
    """Serve it on a free port of loopback; its `url` is up to and with `/api/v1`."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", vindi.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    vindi.url = f"http://127.0.0.1:{port}/api/v1"
    try:
        yield vindi
    finally:
        await runner.cleanup()
