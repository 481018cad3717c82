"""How issuing fares for a tenant: outages and brakes, as checks of its health. Pure."""

from collections.abc import Sequence
from typing import Final

from shared.db.tenants.brakes_store import BrakeState
from shared.domain.breaker import Breaker, Scope
from shared.domain.messages import MESSAGES, message_for
from shared.domain.refusals import of_name
from shared.watch.connection import ConnectionCheck, Status

_CODES: Final[dict[Scope, str]] = {
    "issuer": "issuer_outage",
    "city": "city_outage",
    "host": "issuer_host_outage",
    "company": "company_blocked",
}
_FINE: Final[dict[Scope, str]] = {
    "issuer": "O emissor responde.",
    "city": "A prefeitura responde ao emissor.",
    "host": "O emissor responde aos clientes em geral.",
    "company": "A empresa está em condições de emitir.",
}
_BACK: Final = "Voltou a responder; a emissão é retomada aos poucos."
_BACKS: Final[dict[Scope, str]] = {
    "company": "Testamos com uma nota se a empresa voltou a poder emitir, e retomamos aos poucos.",
}


def judge_issuing(breakers: Sequence[Breaker], brake: BrakeState) -> list[ConnectionCheck]:
    """One check for each kind of outage, and one for the tenant's own brakes."""
    known = {breaker.scope: breaker for breaker in breakers}
    return [*(_outage(scope, known.get(scope)) for scope in _CODES), _brake(brake)]


def _outage(scope: Scope, breaker: Breaker | None) -> ConnectionCheck:
    code = _CODES[scope]
    if breaker is None or breaker.state == "closed":
        since = breaker.since if breaker else None
        return ConnectionCheck(code=code, status="ok", since=since, message=_FINE[scope])
    open_ = breaker.state == "open"
    text = _stopped(code, breaker) if open_ else _BACKS.get(scope, _BACK)
    status: Status = "broken" if open_ else "degraded"
    return ConnectionCheck(code=code, status=status, since=breaker.since, message=text)


def _stopped(code: str, breaker: Breaker) -> str:
    if breaker.cause in MESSAGES:  # what is strange of the issuer's address
        return message_for(breaker.cause).text
    known = of_name(breaker.cause)
    said = message_for(code).text
    return f"{known.helps} {said}" if known is not None and known.helps else said


def _brake(brake: BrakeState) -> ConnectionCheck:
    if brake.code is None:
        return ConnectionCheck(
            code="brakes", status="ok", since=None, message="Nenhum freio acionado."
        )
    text = message_for(brake.code).text
    message = f"{text} ({brake.detail})" if brake.detail else text
    return ConnectionCheck(code=brake.code, status="broken", since=brake.braked_at, message=message)
