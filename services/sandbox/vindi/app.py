"""Vindi's HTTP API, as far as a reader uses it, plus refund and cancel."""

import base64
import binascii
import hashlib
import itertools
import time
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import urlencode

from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account, ApiKey, JournalEntry
from services.sandbox.vindi.fields import FIELDS, SINGULAR
from services.sandbox.vindi.lists import page_of
from services.sandbox.vindi.query import QueryRefusedError
from services.sandbox.vindi.records import Json
from services.sandbox.vindi.render import render
from services.sandbox.vindi.twist import twisted
from services.sandbox.vindi.world import VindiWorld
from services.sandbox.wire import Answer, Call, answer_json

READERS: Final = frozenset({"Administrator", "Manager", "CustomerService", "ReadOnly"})
WRITERS: Final = frozenset({"Administrator", "Manager", "CustomerService"})
ROLES: Final = [
    {"id": i, "name": name, "base_role": name}
    for i, name in enumerate((*sorted(WRITERS), "ReadOnly", "Blank"), 1)
]


def error(status: int, word: str, message: str, parameter: str | None = None) -> Answer:
    """Answer in the usual error shape."""
    body = {"errors": [{"id": word, "parameter": parameter, "message": message}]}
    return answer_json(body, status)


NO_PATH: Final = answer_json({"id": "not_found", "message": "Recurso não encontrado: Path"}, 404)
NO_RECORD: Final = error(404, "not_found", "Registro não encontrado")
UNAUTHORIZED: Final = error(401, "unauthorized", "Chave da API inválida", "authorization")


class VindiApp:
    """Answers calls under /api/v1 on behalf of every account of a world."""

    def __init__(self, world: VindiWorld) -> None:
        self._world = world
        self._requests = itertools.count(1)

    def handle(self, call: Call) -> Answer:
        """Answer one call, count it in its account's window and journal."""
        request_id = ("X-Request-Id", f"00000000-0000-4000-8000-{next(self._requests):012x}")
        found = self._world.keys.get(_key_of(call))
        if found is None:
            return UNAUTHORIZED.with_headers(request_id)
        account, key = found
        admitted = account.rate.admit()
        answer = self._answer(call, account, key) if admitted else _too_many(account)
        _note(call, account, answer)
        headers = request_id, ("Date", formatdate(account.clock.now(), usegmt=True))
        if answer.hang_up or answer.body == NO_PATH.body:
            return answer.with_headers(*headers)
        return answer.with_headers(*headers, *_rate_headers(account))

    def _answer(self, call: Call, account: Account, key: ApiKey) -> Answer:
        spoilt = account.weather.strike(call, "before", account.rng)
        if spoilt is not None:
            return spoilt
        answer = _refusal(call, account, key) or _routed(call, account)
        return account.weather.strike(call, "after", account.rng) or answer


def _key_of(call: Call) -> str:
    scheme, _, coded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        text = base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    key, colon, password = text.partition(":")
    return key if colon and not password else ""


def _refusal(call: Call, account: Account, key: ApiKey) -> Answer | None:
    if key.revoked or key.public:
        return UNAUTHORIZED
    if account.faults.blocked:
        return error(402, "payment_required", "Conta bloqueada por falta de pagamento")
    word = (call.segments[2:] or [""])[0]
    allowed = READERS if call.method == "GET" else WRITERS
    if key.role not in allowed or word in key.denied:
        return error(403, "forbidden", "Perfil de acesso sem permissão", "authorization")
    untyped = "json" not in call.headers.get("content-type", "")
    if call.method in {"POST", "PUT"} and call.body and untyped:
        return error(406, "not_acceptable", "Content-Type não aceito")
    return None


def _too_many(account: Account) -> Answer:
    wait = str(int(account.rate.left()) + 1)
    answer = error(429, "too_many_requests", "Limite de requisições excedido")
    return answer.with_headers(("Retry-After", wait))


def _rate_headers(account: Account) -> tuple[tuple[str, str], ...]:
    if account.rate.limit is None:
        return ()
    left = max(0, account.rate.limit - account.rate.count)
    return (
        ("Rate-Limit-Limit", str(account.rate.limit)),
        ("Rate-Limit-Remaining", str(left)),
        ("Rate-Limit-Reset", str(int(account.clock.now() + account.rate.left()))),
    )


def _note(call: Call, account: Account, answer: Answer) -> None:
    account.journal.append(
        JournalEntry(
            at=account.clock.now(),
            real=time.monotonic(),
            method=call.method,
            path=call.raw_path,
            query=call.raw_query,
            status=0 if answer.hang_up else answer.status,
            window=account.rate.number,
            count=account.rate.count,
        )
    )


def _routed(call: Call, account: Account) -> Answer:
    canned = account.canned.get(call.raw_path.removeprefix("/api/v1"))
    if canned is not None:
        return Answer(status=canned[0], body=canned[1], content_type=canned[2])
    match [call.method, *call.segments]:
        case ["GET", "api", "v1", "merchants", "current"]:
            return _read(account, {"merchant": _merchant(account)})
        case ["GET", "api", "v1", "merchants"]:
            return _read(account, {"merchants": [_merchant(account)]})
        case ["GET", "api", "v1", "users", "current"]:
            return _read(account, {"user": None})
        case ["GET", "api", "v1", "roles"]:
            return _read(account, {"roles": ROLES})
        case ["GET", "api", "v1", kind] if kind in FIELDS:
            return _list(call, account, kind)
        case ["GET", "api", "v1", kind, number] if kind in FIELDS and number.isascii():
            return _one(account, kind, int(number) if number.isdigit() else 0)
        case ["POST", "api", "v1", "charges", number, "refund"] if number.isdigit():
            return _refund(call, account, int(number))
        case ["DELETE", "api", "v1", "bills", number] if number.isdigit():
            return _cancel(account, int(number))
        case _:
            return NO_PATH


def _merchant(account: Account) -> Json:
    return {
        "id": account.id, "name": account.name, "company_name": account.name,
        "registry_code": account.registry_code, "email": f"conta-{account.id}@example.com",
        "status": account.faults.merchant_status,
    }  # fmt: skip


def _read(account: Account, body: Json) -> Answer:
    answer = answer_json(twisted(body, account.faults))
    tag = hashlib.md5(answer.body, usedforsecurity=False).hexdigest()
    return answer.with_headers(("ETag", f'W/"{tag}"'), ("X-Runtime", "0.004000"))


def _one(account: Account, kind: str, number: int) -> Answer:
    shadowed, old = account.shadow_of(kind, number)
    row = account.table(kind).rows.get(number)
    if row is None or (shadowed and old is None):
        return NO_RECORD
    if f"{kind}/{number}" in account.faults.broken_rows:
        return _broken()
    return _read(account, {SINGULAR[kind]: old if shadowed else render(account, row)})


def _broken() -> Answer:
    return error(500, "internal_server_error", "Erro interno")


def _list(call: Call, account: Account, kind: str) -> Answer:
    params = call.params
    try:
        page = page_of(account, kind, params)
    except QueryRefusedError as refused:
        return error(422, "invalid_parameter", refused.reason, refused.field)
    if any(f"{kind}/{body['id']}" in account.faults.broken_rows for body in page.bodies):
        return _broken()
    if account.faults.lists_without_total & {kind, "all"}:
        return _read(account, {kind: page.bodies})
    headers = [
        ("Total", str(page.total)),
        ("Per-Page", str(account.faults.per_page_said or page.per_page)),
    ]
    links = _links(call, params, page.number, page.last)
    if links:
        headers.append(("Link", links))
    return _read(account, {kind: page.bodies}).with_headers(*headers)


def _links(call: Call, params: dict[str, str], number: int, last: int) -> str:
    if last <= 1:
        return ""
    targets: list[tuple[str, int]] = []
    if number > 1:
        targets += [("first", 1), ("prev", number - 1)]
    targets.append(("last", last))
    if number < last:
        targets.append(("next", number + 1))
    base = f"https://sandbox-app.vindi.com.br{call.raw_path}"
    return ", ".join(
        f'<{base}?{urlencode(params | {"page": str(page)})}>; rel="{rel}"' for rel, page in targets
    )


def _refund(call: Call, account: Account, charge_id: int) -> Answer:
    charge = account.charges.rows.get(charge_id)
    if charge is None:
        return NO_RECORD
    try:
        wish: Any = call.json()
        operations.refund(
            account, bill_id=charge.bill_id, amount=wish.get("amount"),
            cancel_bill=bool(wish.get("cancel_bill")),
        )  # fmt: skip
    except (ValueError, AttributeError):
        return error(400, "bad_request", "Parâmetros inválidos")
    except operations.OperationRefusedError:
        return error(422, "invalid_parameter", "não pode ser estornada", "charge")
    return answer_json({"charge": render(account, charge, fresh=True)})


def _cancel(account: Account, bill_id: int) -> Answer:
    if bill_id not in account.bills.rows:
        return NO_RECORD
    try:
        bill = operations.cancel_bill(account, bill_id=bill_id)
    except operations.OperationRefusedError:
        return error(422, "invalid_parameter", "não pode ser cancelada", "status")
    return answer_json({"bill": render(account, bill, fresh=True)})
