"""What is said otherwise because of where the sale and its nota are by now."""

from typing import Final

from shared.domain.actions import LACKS
from shared.domain.message_texts.holds import HOLDS
from shared.domain.message_texts.message import Message, says
from shared.domain.refusals import WhoActs
from shared.domain.sale import SaleStatus

# Held before it is sent: what would be refused, and where it is mended stands in the detail.
WOULD_BE_DENIED: Final[dict[str, Message]] = {
    "denied_document": says(
        "tenant",
        "A nota seria recusada por causa do CPF ou CNPJ do cliente, e por isso não foi enviada."
        " Corrija o cadastro na Vindi, ou a retenção do ISS na regra: a venda segue"
        " automaticamente.",
    ),
    "denied_address": says(
        "customer",
        "A nota seria recusada por causa do endereço do cliente, e por isso não foi enviada."
        " Confirme o endereço, o CEP e o estado com o cliente e corrija o cadastro na Vindi: a"
        " venda segue automaticamente.",
    ),
    "denied_contact": says(
        "customer",
        "A nota seria recusada por falta de telefone ou e-mail do cliente, e por isso não foi"
        " enviada. Complete o cadastro na Vindi: a venda segue automaticamente.",
    ),
    "denied_service": says(
        "accountant",
        "A nota seria recusada por causa da retenção ou dos valores do serviço, e por isso não foi"
        " enviada. Corrija a regra com o contador: a venda segue automaticamente.",
    ),
}

_ENDING: Final = {
    "refunded": "O pagamento foi estornado integralmente",
    "partially_refunded": "Parte do pagamento foi estornada",
    "bill_canceled": "A fatura foi cancelada na Vindi",
    "canceled_by_person": "Uma pessoa pediu o cancelamento",
    "payment_undone": "O pagamento foi revertido (chargeback)",
}
_STATES: Final[tuple[tuple[SaleStatus, WhoActs, str], ...]] = (
    (SaleStatus.ISSUING, "nobody", "a nota será cancelada assim que for autorizada."),
    (SaleStatus.UNCERTAIN, "nobody", "se a nota existir, será cancelada."),
    (SaleStatus.CANCELLING, "nobody", "o cancelamento da nota está em andamento."),
    (SaleStatus.CANCELLED, "nobody", "a nota foi cancelada."),
    (
        SaleStatus.ISSUED,
        "tenant",
        "a nota continua válida. Decida com o contador se ela deve ser cancelada.",
    ),
)
_PARTLY_WHILE_ISSUING: Final = (
    "Parte do pagamento foi estornada enquanto a nota era emitida. Quando ela sair, decida com o"
    " contador: deixá-la como está, ou cancelá-la e depois emitir outra do valor que resta."
)
_IN_TIME: Final = "Se não for corrigido até o fim da garantia, a nota fica pendente."
IN_STATE: Final[dict[tuple[SaleStatus, str], Message]] = {
    **{
        (SaleStatus.IN_GUARANTEE, code): says(message.who_acts, f"{message.text} {_IN_TIME}")
        for code, message in (HOLDS | WOULD_BE_DENIED).items()
        if code in LACKS
    },
    **{(SaleStatus.HELD, code): message for code, message in WOULD_BE_DENIED.items()},
    **{
        (status, code): says(who, f"{cause}: {outcome}")
        for code, cause in _ENDING.items()
        for status, who, outcome in _STATES
    },
    (SaleStatus.ISSUED, "canceled_by_person"): says(
        "nobody",
        "Uma das notas desta venda foi cancelada a pedido de uma pessoa; as outras continuam"
        " válidas. Para ter uma nova, escolha Emitir agora.",
    ),
    (SaleStatus.ISSUED, "partially_refunded"): says(
        "tenant",
        "Parte do pagamento foi estornada depois da emissão. Decida com o contador: deixar a nota"
        " como está, ou cancelá-la e depois emitir outra do valor que resta.",
    ),
    (SaleStatus.CANCELLED, "partially_refunded"): says(
        "nobody",
        "Parte do pagamento foi estornada: a nota foi cancelada. Para uma nota do valor que resta,"
        " escolha Emitir agora.",
    ),
    **{
        (status, "partially_refunded"): says("tenant", _PARTLY_WHILE_ISSUING)
        for status in (SaleStatus.ISSUING, SaleStatus.UNCERTAIN)
    },
}
# Of a nota that the issuer still has: what is said if it is to be cancelled, and if it is not.
WHILE_ISSUING: Final[dict[tuple[SaleStatus, str], tuple[Message, Message]]] = {
    (status, code): (
        says(who, f"{cause}: {outcome}"),
        says(
            "tenant",
            _PARTLY_WHILE_ISSUING
            if code == "partially_refunded"
            else f"{cause} enquanto a nota era emitida. Quando ela sair, decida com o contador se"
            " ela deve ser cancelada.",
        ),
    )
    for code, cause in _ENDING.items()
    for status, who, outcome in _STATES
    if status in (SaleStatus.ISSUING, SaleStatus.UNCERTAIN)
}
