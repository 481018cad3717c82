"""What a sale that gets no nota is told of."""

from typing import Final

from shared.domain.message_texts.message import Message, says

SKIPS: Final[dict[str, Message]] = {
    "before_activation": says(
        "nobody",
        "Venda anterior à ativação, ou à conexão desta conta da Vindi. Se a nota ainda deve ser"
        " emitida, peça uma importação de vendas passadas, ou escolha Emitir agora para esta"
        " venda.",
    ),
    "shadow_issue": says(
        "nobody",
        "Modo sombra: esta venda teria virado nota, e nada foi enviado. A nota fica por conta de"
        " quem emitia antes; se ela ainda falta, escolha Emitir agora depois de ativar.",
    ),
    "shadow_hold": says(
        "nobody",
        "Modo sombra: esta venda teria ficado pendente, e nada foi enviado. A nota fica por conta"
        " de quem emitia antes.",
    ),
    "zero_amount": says("nobody", "A fatura tem valor zero: não há nota a emitir."),
    "bill_canceled": says("nobody", "A fatura foi cancelada na Vindi: não há nota a emitir."),
    "refunded": says("nobody", "O pagamento foi estornado integralmente: não há nota a emitir."),
    "rule_never": says(
        "nobody",
        "A regra diz que esta venda não gera nota. Se isso estiver errado, mude a regra, ou"
        " escolha Emitir agora para esta venda.",
    ),
    "charged_back": says(
        "nobody",
        "O pagamento foi revertido (chargeback) e, pela regra, não se emite nota. Se a venda"
        " vale, escolha Emitir agora.",
    ),
    "canceled_by_person": says(
        "nobody",
        "Uma pessoa decidiu não emitir esta nota. Para voltar atrás, escolha Emitir agora.",
    ),
}
