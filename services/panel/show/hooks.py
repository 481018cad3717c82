"""Deliveries to a company's own system, in words. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.db.hooks.status_webhooks_store import StatusDelivery

WHAT: Final[dict[str, str]] = {
    "sale.issued": "Nota emitida",
    "sale.denied": "Nota negada",
    "sale.held": "Venda retida",
    "sale.cancelled": "Nota cancelada",
    "webhook.test": "Teste",
}
_STATES: Final[dict[str, tuple[str, str]]] = {
    "pending": ("A entregar", "calm"),
    "delivered": ("Entregue", "good"),
    "failed": ("Não entregue", "bad"),
    "given_up": ("Não entregue", "bad"),
}
_ERRORS: Final[dict[str, str]] = {
    "refused": "O seu sistema recusou",
    "time_out": "O seu sistema não respondeu a tempo",
    "no_connection": "Não houve conexão com o seu sistema",
    "address_refused": "O endereço não é público",
    "webhook_removed": "O endereço foi removido",
    "internal_error": "Falha nossa, que já nos foi avisada",
}
# By the constant words of shared/net/guarded.py.
_ADDRESSES: Final[dict[str, str]] = {
    "must begin with https://": "O endereço precisa começar com https://",
    "must be a public address": "O endereço precisa ser público: um que a internet alcança.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryShown:
    """One delivery. `next_at` is its next try, None for one that has ended."""

    id: int
    what: str
    bill: int | None
    label: str
    tone: str
    answer: str
    tries: int
    next_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None


def delivery_shown(one: StatusDelivery) -> DeliveryShown:
    """A delivery as a person sees it."""
    label, tone = _STATES[one.state]
    if one.state == "pending" and one.tries:
        label, tone = "Tentando de novo", "warn"
    return DeliveryShown(
        id=one.delivery_id,
        what=WHAT.get(one.type, "Mudança de uma venda"),
        bill=one.bill_id,
        label=label,
        tone=tone,
        answer=_answer(one),
        tries=one.tries,
        next_at=one.next_at if one.state == "pending" else None,
        created_at=one.created_at,
        delivered_at=one.delivered_at,
    )


def refused_address(why: str) -> str:
    """Why an address cannot be used, and what to do."""
    return _ADDRESSES.get(
        why, "Escreva o endereço completo, como https://sistema.suaempresa.com.br/avisos"
    )


def _answer(one: StatusDelivery) -> str:
    code = f"código {one.last_status}" if one.last_status is not None else ""
    if one.last_error is None:
        return f"Respondeu com {code}" if code else ""
    said = _ERRORS.get(one.last_error, "Não foi entregue")
    return f"{said} ({code})" if code else said
