"""Fechamento."""

from typing import Final

CLOSING: Final[dict[str, str]] = {
    "closing.title": "Fechamento de {month}",
    "closing.not_over": "O mês ainda não terminou.",
    "closing.proof": "A prova do mês",
    "closing.side": "De onde vem",
    "closing.count": "Quantidade",
    "closing.vindi": "Vendas na Vindi",
    "closing.notas": "Notas válidas",
    "closing.excepted": "Sem nota, com motivo",
    "closing.issuer": "Lista do próprio emissor",
    "closing.accepted": "De outros sistemas, aceitas",
    "closing.as_of": "Lido",
    "closing.without": "Vendas sem nota neste mês",
    "closing.since_lock": "O que mudou depois do fechamento",
    "closing.locked": "Mês fechado",
    "closing.open_month": "Mês aberto",
    "closing.open": "Reabrir o mês",
    "closing.open_text": "As vendas que esperavam por este mês são avaliadas de novo.",
    "closing.lock": "Fechar o mês",
    "closing.lock_text": "Com o mês fechado, nenhuma nota recebe data dele, e toda mudança"
    " posterior aparece aqui.",
    "closing.note": "Observação",
    "closing.note_help": "Por exemplo: conferido com o contador.",
    "closing.force": "Fechar assim mesmo",
    "closing.force_help": "O mês não confere. Fica registrado que você fechou mesmo assim.",
    "closing.closing_locked": "Este mês já foi fechado por outra pessoa.",
    "closing.closing_not_balanced": "O mês não confere. Veja o motivo acima, ou marque que quer"
    " fechar assim mesmo.",
    "closing.closing_not_locked": "Este mês não está fechado.",
    "closing.filed": "Totais para o contador",
    "closing.filed_text": "Notas de verdade pela competência delas.",
    "closing.rate": "Alíquota",
    "closing.total": "Valor total",
    "closing.base": "Base",
    "closing.own_iss": "ISS próprio",
    "closing.withheld_iss": "ISS retido",
    "closing.federal": "Retenções federais",
    "closing.net": "Líquido",
    "closing.credited": "Créditos de notas de meses anteriores canceladas neste: {amount}.",
}
