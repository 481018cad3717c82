"""Tokens of the internal API in words. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.panel.show.status import Tone
from shared.db.people.tokens_store import InternalToken, TokenScope

SCOPES: Final[dict[TokenScope, str]] = {
    "read": "Só leitura",
    "support": "Suporte",
    "operator": "Operação",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenShown:
    """A token as an operator sees it; `live` while it opens anything."""

    name: str
    scope: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    live: bool
    label: str
    tone: Tone


def token_shown(token: InternalToken, now: datetime) -> TokenShown:
    """A token, and whether it still opens anything."""
    live = token.revoked_at is None and token.expires_at > now
    tone: Tone = "good" if live else "plain"
    label = "Em vigor" if live else "Anulado" if token.revoked_at else "Vencido"
    return TokenShown(
        name=token.name,
        scope=SCOPES[token.scope],
        made_by=token.made_by,
        made_at=token.made_at,
        expires_at=token.expires_at,
        used_at=token.used_at,
        revoked_at=token.revoked_at,
        live=live,
        label=label,
        tone=tone,
    )
