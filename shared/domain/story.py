"""A line of a sale's timeline as a person reads it, in Portuguese. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from shared.domain.attention import SECOND_NOTA
from shared.domain.message_texts.in_state import WOULD_BE_DENIED
from shared.domain.message_texts.message import Message
from shared.domain.messages import LABELS, MESSAGES
from shared.domain.sale import SaleStatus
from shared.domain.statement import STATED_BY_PERSON

HEADS: Final[dict[str, str]] = {
    "event_received": "Aviso da Vindi recebido",
    "issuer_told": "Aviso do emissor recebido",
    "nota_requested": "Nota pedida ao emissor",
    "text_fitted": "Dados ajustados para caber na nota",
    "issuer_accepted": "O emissor recebeu o pedido da nota",
    "nota_issued": "Nota autorizada",
    "nota_denied": "Nota negada",
    "nota_cancelled": "Nota cancelada",
    "substitution_denied": "A nota substituta foi negada; a anterior continua válida",
    "nota_arrived_late": "A nota que o emissor não conhecia apareceu lá",
    "nota_replaced": "A nota anterior não vale; outra será emitida no lugar",
    "restored_found": "O emissor já tem a nota; o banco de dados, restaurado, a havia perdido",
    "issuer_differs": "A lista do emissor difere da nossa nota",
    SECOND_NOTA: "O emissor tem uma segunda nota válida desta venda",
    STATED_BY_PERSON: "Informado por uma pessoa, conforme o portal da prefeitura",
    "answer_lost": "A resposta do emissor não chegou; vamos consultá-lo antes de qualquer reenvio",
    "looked_up": "Emissor consultado",
    "sent_again": "O mesmo pedido foi enviado de novo",
    "cancel_requested": "Cancelamento pedido ao emissor",
    "cancel_remembered": "A nota será cancelada assim que for autorizada",
    "cancel_given_up": "O motivo para cancelar a nota deixou de existir",
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


# A word of a refusal says of a sale that is held what would be refused.
HELD: Final[Mapping[str, Message]] = {**MESSAGES, **WOULD_BE_DENIED}
# What the issuer's list may say otherwise.
FIELDS: Final[dict[str, str]] = {
    "amount": "valor",
    "customer": "tomador",
    "competencia": "competência",
}


# What an address may lack, as a decision names it.
ADDRESS: Final[dict[str, str]] = {
    "street": "rua",
    "number": "número",
    "district": "bairro",
    "city": "cidade",
    "state": "estado",
    "zip": "CEP",
}
# What Vindi tells, by its own word.
NOTICES: Final[dict[str, str]] = {
    "bill_created": "fatura criada",
    "bill_paid": "fatura paga",
    "bill_canceled": "fatura cancelada",
    "charge_created": "cobrança criada",
    "charge_rejected": "pagamento recusado",
    "charge_canceled": "cobrança cancelada",
    "charge_refunded": "pagamento estornado",
}
_VERSION: Final = re.compile(r"(regra:? |→ )v(?=\d)")
_LACKS_ADDRESS: Final = "customer_address_incomplete"
# Whose details are sums, kept as they are compared.
_OF_AMOUNTS: Final = frozenset({"amount_mismatch", "mixed_services", "parts_disagree"})
_AMOUNT: Final = re.compile(r"(?<![\d.])(-?\d+)\.(\d\d)(?![\d.])")


def told(what: str, why: str, by: str = "") -> str:
    """One sentence or two for `what` and `why`; a code in them is said in words.

    `by` tells whose notice was received.
    """
    if what == "event_received" and by == "enotas":
        what = "issuer_told"
    head = HEADS.get(what, what)
    if what == "event_received":
        notice, comma, rest = why.partition(",")
        why = NOTICES.get(notice, notice) + comma + rest
    elif what in ("nota_requested", "changed"):
        why = _VERSION.sub(r"\1versão ", why)
    if what == "issuer_differs":
        why = ", ".join(FIELDS.get(word, word) for word in why.split())
    said = _in_words(why, HELD if what == SaleStatus.HELD.value else MESSAGES)
    return f"{head}: {said}" if said else f"{head}."


def _in_words(why: str, messages: Mapping[str, Message]) -> str:
    for end in (":", ";", ""):
        code, found, rest = why.partition(end) if end else (why, "", "")
        message = messages.get(code.strip())
        if message is not None:
            more = detail_told(code.strip(), rest.strip())
            return f"{message.text} ({more})" if more else message.text
        if found:
            continue
    return why


def detail_told(code: str | None, detail: str) -> str:
    """What is beside a code, in words: what an address lacks; amounts as people write them."""
    if code != _LACKS_ADDRESS or not detail:
        return _AMOUNT.sub(r"R$ \1,\2", detail) if code in _OF_AMOUNTS else detail
    words = [ADDRESS.get(word.strip(), word.strip()) for word in detail.split(",")]
    return f"falta: {', '.join(words)}"
