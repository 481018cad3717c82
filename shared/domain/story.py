"""A line of a sale's timeline as a person reads it, in Portuguese. Pure."""

from typing import Final

from shared.domain.messages import LABELS, MESSAGES
from shared.domain.sale import SaleStatus

HEADS: Final[dict[str, str]] = {
    "event_received": "Aviso da Vindi recebido",
    "nota_requested": "Nota pedida ao emissor",
    "issuer_accepted": "O emissor recebeu o pedido da nota",
    "nota_issued": "Nota autorizada",
    "nota_denied": "Nota negada",
    "nota_cancelled": "Nota cancelada",
    "answer_lost": "A resposta do emissor não chegou; vamos consultá-lo antes de qualquer reenvio",
    "looked_up": "Emissor consultado",
    "sent_again": "O mesmo pedido foi enviado de novo",
    "cancel_requested": "Cancelamento pedido ao emissor",
    "cancel_remembered": "A nota será cancelada assim que for autorizada",
    "cancel_refused": "Cancelamento recusado",
    "attention": "Atenção",
    "changed": "Mudança antes da emissão",
    "backfill_taken": "Incluída em uma importação de vendas passadas",
    "brake_released": "Limite liberado por uma pessoa",
    "retry": "Pedido: tentar de novo",
    "hold": "Pedido: reter",
    "release": "Pedido: liberar",
    "issue": "Pedido: emitir",
    "cancel": "Pedido: cancelar",
    **{status.value: label for status, label in LABELS.items() if status is not SaleStatus.SKIPPED},
    SaleStatus.SKIPPED.value: "Não será emitida",
}


def told(what: str, why: str) -> str:
    """One sentence or two for `what` and `why`; a code in them is said in words."""
    head = HEADS.get(what, what)
    said = _in_words(why)
    return f"{head}: {said}" if said else f"{head}."


def _in_words(why: str) -> str:
    for end in (":", ";", ""):
        code, found, rest = why.partition(end) if end else (why, "", "")
        message = MESSAGES.get(code.strip())
        if message is not None:
            return f"{message.text} ({rest.strip()})" if rest.strip() else message.text
        if found:
            continue
    return why
