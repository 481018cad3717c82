"""What a tenant reads about each stable word: what it means, what to do, and who does it."""

from typing import Final

from shared.domain.message_texts.attentions import ATTENTIONS, NOTICES
from shared.domain.message_texts.connections import BRAKES, CONNECTIONS, OUTAGES, WAITS
from shared.domain.message_texts.denials import AFTERWARDS, DENIALS, OTHER_DAY
from shared.domain.message_texts.holds import HOLDS
from shared.domain.message_texts.imports import IMPORT_GOES_ON, IMPORTS
from shared.domain.message_texts.in_state import IN_STATE, WHILE_ISSUING
from shared.domain.message_texts.message import Message, says
from shared.domain.message_texts.skips import SKIPS
from shared.domain.refusals import of_name
from shared.domain.sale import SaleStatus


def message_for(code: str) -> Message:
    """The message of a code; a word we do not know is a question for support."""
    return MESSAGES.get(code, _UNKNOWN)


def message_in(status: SaleStatus, code: str, *, leaves: bool | None = None) -> Message:
    """The message of a code for a sale in this state: it knows whether a nota exists by now.

    `leaves` says whether a nota that the issuer still has will be cancelled; None: not known.
    """
    own = WHILE_ISSUING.get((status, code)) if leaves is not None else None
    if own is not None:
        return own[0] if leaves else own[1]
    return IN_STATE.get((status, code)) or message_for(code)


def message_of_denial(denial: str, cause: str | None) -> Message:
    """The message of a denial: what helps with its own row of the catalogue, else its class's."""
    known = of_name(cause)
    if known is None or known.denial != denial or not known.helps:
        return message_for(denial)
    said = [known.helps, AFTERWARDS.get(denial, "")]
    if known.moves_day:
        said.append(OTHER_DAY)
    return Message(text=" ".join(filter(None, said)), who_acts=known.who_acts)


def message_of_import(code: str, *, is_open: bool) -> Message:
    """Why an import of past sales rests or failed; an open one says how it goes on."""
    if code in IMPORTS:
        return IMPORTS[code][not is_open]
    message = message_for(code)
    if not is_open or code not in CONNECTIONS:
        return message
    return Message(text=f"{message.text} {IMPORT_GOES_ON}", who_acts=message.who_acts)


def label_for(status: SaleStatus) -> str:
    """The label of a status; that of a guarantee is completed with its end by who shows it."""
    return LABELS[status]


LABELS: Final[dict[SaleStatus, str]] = {
    SaleStatus.WAITING_PAYMENT: "Aguardando pagamento",
    SaleStatus.IN_GUARANTEE: "Em garantia",
    SaleStatus.QUEUED: "Na fila",
    SaleStatus.ISSUING: "Emitindo",
    SaleStatus.UNCERTAIN: "Verificando",
    SaleStatus.ISSUED: "Emitida",
    SaleStatus.DENIED: "Negada",
    SaleStatus.HELD: "Pendente",
    SaleStatus.SKIPPED: "Não emitir",
    SaleStatus.CANCELLING: "Cancelando",
    SaleStatus.CANCELLED: "Cancelada",
    SaleStatus.CANCEL_REFUSED: "Cancelamento recusado",
}

_UNKNOWN: Final = says("support", "Situação não prevista. Fale com o suporte.")

MESSAGES: Final[dict[str, Message]] = {
    **SKIPS,
    **HOLDS,
    **BRAKES,
    **NOTICES,
    **CONNECTIONS,
    **OUTAGES,
    **WAITS,
    **ATTENTIONS,
    **DENIALS,
}
