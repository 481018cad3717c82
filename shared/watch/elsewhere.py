"""What a tenant shares with another one, and what it left behind, as checks of its health. Pure."""

from collections.abc import Sequence
from typing import Final

from shared.db.tenants.elsewhere_store import Elsewhere, ElsewhereCode
from shared.db.tenants.nota_connections_store import OpenElsewhere
from shared.domain.messages import message_for
from shared.watch.connection import ConnectionCheck

_ALONE: Final[dict[ElsewhereCode, str]] = {
    "vindi_account_elsewhere": "Nenhuma outra empresa daqui usa esta conta da Vindi.",
    "issuer_company_elsewhere": "Nenhuma outra empresa daqui usa esta empresa do emissor.",
}


def judge_elsewhere(
    found: Sequence[Elsewhere], left: Sequence[OpenElsewhere]
) -> list[ConnectionCheck]:
    """One check for the account, one for the company, one for notas that are under way elsewhere.

    A tenant that does not issue yet is no danger to another one.
    """
    shared = {one.code for one in found if one.active}
    return [*(_alone(code, text, shared) for code, text in _ALONE.items()), _left(left)]


def _alone(code: ElsewhereCode, text: str, shared: set[ElsewhereCode]) -> ConnectionCheck:
    if code not in shared:
        return ConnectionCheck(code=code, status="ok", since=None, message=text)
    return ConnectionCheck(code=code, status="degraded", since=None, message=message_for(code).text)


def _left(left: Sequence[OpenElsewhere]) -> ConnectionCheck:
    code = "open_notas_elsewhere"
    blocked = [one for one in left if one.state != "ok"]
    count = sum(one.notas for one in blocked or left)
    if not left:
        text = "Nenhuma nota em andamento em conexão anterior."
        return ConnectionCheck(code=code, status="ok", since=None, message=text)
    if not blocked:
        text = f"Notas em andamento em conexão anterior: {count}. {message_for(code).text}"
        return ConnectionCheck(code=code, status="ok", since=None, message=text)
    why = message_for(blocked[0].state).text
    text = (
        f"Notas em andamento que não conseguimos acompanhar na conexão anterior: {count}. {why}"
        " Conecte aquela empresa outra vez com uma chave válida e depois volte à atual, ou informe"
        " o que o portal da prefeitura mostra."
    )
    return ConnectionCheck(code=code, status="degraded", since=blocked[0].since, message=text)
