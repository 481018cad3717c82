"""Vendas passadas."""

from typing import Final

PAST: Final[dict[str, str]] = {
    "past.text": "Traga vendas anteriores à ativação. Primeiro uma prévia, que não emite nada.",
    "past.basic": "Seu plano não inclui importar vendas passadas.",
    "past.basic_text": "Você pode ver a prévia. Para importar, fale com o suporte.",
    "past.since": "Desde",
    "past.until": "Até",
    "past.until_help": "Vazio: até hoje",
    "past.competencia": "Qual data as notas devem ter?",
    "past.original": "A data da venda",
    "past.original_help": "Meses já fechados ficam retidos, para o contador decidir.",
    "past.today": "A data de hoje",
    "past.today_help": "Todas entram no mês atual.",
    "past.preview": "Ver a prévia",
    "past.preview_text": "A prévia lê as vendas na Vindi e mostra o que aconteceria com cada uma.",
    "past.reason_preview": "Prévia",
    "past.runs": "Importações e prévias",
    "past.window": "Vendas de",
    "past.asked": "Pedida",
    "past.dry": "Prévia: nada é emitido",
    "past.real": "Importação",
    "past.progress": "Andamento",
    "past.read": "{count}.",
    "past.left": "Faltam cerca de {time}.",
    "past.found": "Vendas encontradas",
    "past.new": "Ainda não conhecidas",
    "past.to_issue": "A emitir",
    "past.see": "Ver as vendas deste período",
    "past.none": "Não há vendas neste período",
    "past.none_text": "Confira as datas: a Vindi não tem faturas entre elas.",
    "past.would": "O que aconteceria",
    "past.becomes": "O que acontece",
    "past.by_month": "Por mês",
    "past.by_day": "Dia por dia",
    "past.days_text": "As vendas contam no dia em que aconteceram. As notas de outra integração,"
    " que a lista do emissor mostra, contam no dia da competência.",
    "past.days_compared": "Em {days} comparados: nós emitiríamos {ours} ({ours_amount}), e a outra"
    " integração emitiu {theirs} ({theirs_amount}).",
    "past.days_alike": "Todos os dias são iguais, em número de notas e em valor.",
    "past.days_differ": "Diferem: {days}.",
    "past.days_moved": "Quando a outra integração data uma nota em outro dia, dois dias diferem, e"
    " os totais não.",
    "past.days_shortened": "São mostrados os últimos 31 dias.",
    "past.days_unlisted": "A lista do emissor ainda não foi lida, então nada é comparado por"
    " enquanto.",
    "past.days_pairs": "A prévia não guarda o nome nem o documento dos clientes. Por isso ela"
    " compara os dias, e não cada venda.",
    "past.days_each": "Para comparar venda por venda, use o",
    "past.days_shadow": "modo sombra",
    "past.state": "Comparação",
    "past.day_later": "{count} mais tarde",
    "past.day_why": "Por quê",
    "past.go": "Importar estas vendas",
    "past.again": "Ver a prévia de novo",
    "past.outdated": "A regra mudou depois desta prévia: a importação faria outra coisa do que ela"
    " mostra.",
    "past.rule_moved": "Outra pessoa mudou a regra depois da prévia, e nada foi importado. Confira"
    " a mudança e veja a prévia de novo.",
    "past.cancel": "Cancelar",
    "past.plan_required": "Seu plano não inclui importar vendas passadas. Fale com o suporte.",
    "past.since_in_future": "Esta data ainda não chegou.",
    "past.since_too_old": "Escolha uma data a partir do ano 2000.",
    "past.until_before_since": "A data final vem antes da inicial.",
    "past.setup_incomplete": "Conecte a Vindi antes: é de lá que as vendas são lidas.",
    "past.refused": "Não foi possível começar. Tente de novo.",
}
