"""Fechamento: notas of other systems, accepted by a person."""

from typing import Final

ACCEPTED: Final[dict[str, str]] = {
    "accepted.title": "Aceitar notas de outros sistemas",
    "accepted.text": "Para notas deste mês que a empresa emitiu por fora daqui: no portal da"
    " prefeitura, em outra integração, em outro sistema. Aceitas, elas deixam de ser diferença e"
    " aparecem à parte no fechamento. Se uma mudar no emissor depois, volta a ser diferença.",
    "accepted.which": "Quais?",
    "which_accepted.aceitar.marcadas": "Só as marcadas acima",
    "which_accepted.aceitar.todas": "Todas as de outros sistemas neste mês",
    "which_accepted.aceitar.antes": "As criadas no emissor antes de um dia",
    "which_accepted.aceitar.comeco": "As que têm um começo de identificação em comum",
    "which_accepted.desfazer.marcadas": "Só as marcadas acima",
    "which_accepted.desfazer.todas": "Todas as aceitas deste mês",
    "which_accepted.desfazer.antes": "As criadas no emissor antes de um dia",
    "which_accepted.desfazer.comeco": "As que têm um começo de identificação em comum",
    "accepted.day": "Criadas antes do dia",
    "accepted.day_help": "Só para a escolha por dia. O próprio dia fica de fora.",
    "accepted.prefix": "Começo da identificação",
    "accepted.prefix_help": "Só para a escolha por identificação: as primeiras letras, como a lista"
    " acima mostra.",
    "accepted.reason_help": "Fica no registro de mudanças, com o seu nome.",
    "accepted.tick_one": "Marcar para aceitar",
    "accepted.tick_undo": "Marcar para desfazer",
    "accepted.go": "Aceitar estas notas",
    "accepted.undo": "Desfazer a aceitação",
    "accepted.undo_text": "As notas voltam a ser diferença, se o emissor ainda as mostra.",
    "accepted.undo_go": "Desfazer",
    "accepted.why": "Por que foi aceita",
    "accepted.changed": "Mudou no emissor depois de aceita: confira e aceite de novo.",
    "accepted.more": "São as primeiras cem. Todas estão na planilha do mês.",
    "accepted.locked": "O mês está fechado, e fica como foi entregue. Para mudar, reabra-o antes.",
    "accepted.tick": "Marque ao menos uma nota na lista acima, ou faça outra escolha.",
    "accepted.too_many": "São mais de mil notas marcadas. Escolha todas, ou faça por partes.",
    "accepted.none_done": "Nenhuma nota corresponde à escolha, ou todas já estavam aceitas.",
    "accepted.none_undone": "Nenhuma nota aceita corresponde à escolha.",
    "accepted.done": "{count}, de {amount} ao todo.",
    "audit.foreign_notas_accepted": "Notas de outros sistemas aceitas",
    "audit.foreign_notas_revoked": "Aceitação de notas de outros sistemas desfeita",
}
