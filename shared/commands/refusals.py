"""What a person is told whose action a sale's state forbids: the state, since when, what else."""

from typing import Final
from zoneinfo import ZoneInfo

from shared.commands.actions import ActionRefused
from shared.domain.actions import NO_DOCUMENT, SaleAction
from shared.domain.messages import label_for, message_for
from shared.domain.spoken import moment

WHY: Final[dict[str, str]] = {
    "nota_exists": "Esta venda já tem uma nota.",
    "no_such_part": "Esta venda não tem uma nota com esse número: veja em notas quais ela tem.",
    "whole_sale_first": "A venda inteira foi retida ou cancelada por uma pessoa: libere ou emita a"
    " venda inteira, não uma de suas notas.",
    "substitution_not_allowed": "A regra não permite substituir uma nota: defina reissue como"
    " substitute, se a prefeitura aceita substituição.",
    "nothing_to_substitute": "Não há nota válida a substituir nesta venda.",
    "part_needed": "Esta venda tem várias notas: diga qual delas, pelo número (part).",
    "nothing_to_hold": "Não há o que reter nesta venda.",
    "not_held": "Esta venda não está pendente.",
    "nothing_to_issue": "Não há nota a emitir para esta venda.",
    "numbering_needs_person": "O número desta nota já foi usado: confira no portal da prefeitura"
    " se ela existe e informe o que viu; sem isso ela não é reenviada.",
    "already_cancelled": "A nota já foi cancelada ou está sendo cancelada.",
    "nothing_to_cancel": "Não há nota a cancelar nesta venda.",
    "nothing_to_retry": "Não há o que tentar de novo nesta venda.",
    "decision_needed": "Esta venda espera uma decisão, e olhar de novo não muda nada: escolha"
    " emitir agora ou cancelar.",
    "data_missing": "Ainda não é possível emitir.",
    "amount_needed": "A soma dos itens difere do valor da fatura: diga qual valor a nota deve ter.",
    "no_amount_to_choose": "Só se escolhe o valor de uma venda cuja soma dos itens difere do valor"
    " da fatura, ou que foi estornada em parte e da qual resta algo.",
    "document_not_missing": "O CPF ou CNPJ não falta nesta venda: emita sem essa opção.",
    "no_day_to_move": "A data só muda onde ela foi recusada ou o mês dela está fechado. Aqui a nota"
    " mantém a competência: use emitir ou tentar de novo.",
    "shadow_mode": "No modo sombra nenhuma nota sai. Ative a emissão para emitir esta venda.",
    "sale_unknown": "Não há venda com este número.",
    "not_decided": "Esta venda ainda não foi avaliada. Aguarde alguns instantes e tente de novo.",
}
_WITHOUT: Final = (
    "Se a nota deve sair assim mesmo, peça para emitir esta venda sem documento, com o motivo."
)
NAMES: Final[dict[SaleAction, str]] = {
    "retry": "tentar de novo",
    "hold": "reter",
    "release": "liberar",
    "issue": "emitir agora",
    "cancel": "cancelar",
}


def refusal_text(refused: ActionRefused, zone: ZoneInfo) -> str:
    """Why not, in which state the sale is and since when, and what is possible instead."""
    said = [WHY.get(refused.code, "A situação desta venda não permite isso.")]
    if refused.code == "data_missing":
        said += [message_for(code).text for code in refused.missing]
        if NO_DOCUMENT.intersection(refused.missing):
            said.append(_WITHOUT)
    if refused.status is not None and refused.since is not None:
        label = label_for(refused.status)
        said.append(f"Situação: {label}, desde {moment(refused.since, zone)}.")
        said.append(_possible(refused.possible))
    return " ".join(said)


def _possible(actions: tuple[SaleAction, ...]) -> str:
    if not actions:
        return "Nenhuma ação é possível agora."
    return f"É possível: {', '.join(NAMES[action] for action in actions)}."
