"""Vendas, the list."""

from typing import Final

SALES: Final[dict[str, str]] = {
    "sales.search": "Buscar",
    "sales.search_help": "Fatura, nota, CPF, CNPJ, nome do cliente ou valor (R$ 179,90)",
    "sales.find": "Buscar",
    "sales.unread": "Um filtro deste endereço não pode ser lido: ele foi cortado ou é antigo. Limpe"
    " os filtros e escolha de novo.",
    "sales.more": "Mais filtros e colunas",
    "sales.since": "Vendas desde",
    "sales.until": "Até",
    "sales.least": "Valor mínimo",
    "sales.most": "Valor máximo",
    "sales.columns": "Colunas",
    "sales.any_cause": "Todos",
    "sales.clear": "Limpar filtros",
    "sales.tick_all": "Marcar todas desta página",
    "sales.tick": "Marcar a fatura {bill}",
    "sales.all": "Todas as vendas do filtro, também as das outras páginas",
    "sales.unnamed": "Cliente ainda não lido",
    "sales.first": "Voltar ao início",
    "sales.next": "Próximas",
    "sales.looked_to": "Procuramos até a fatura {bill}. Pode haver outras vendas mais antigas.",
    "sales.none_to": "Nenhuma venda até a fatura {bill}. Pode haver outras mais antigas.",
    "sales.further": "Continuar nas mais antigas",
    "sales.deep": "Procurar em todas",
    "sales.deep_text": "Procurar em todas as vendas pode levar alguns segundos. Com um período"
    " ou um motivo a busca é imediata.",
    "sales.none": "Nenhuma venda aqui",
    "sales.none_filtered": "Nenhuma venda corresponde a estes filtros.",
    "sales.none_searched": "A busca olha os números da fatura e da nota, o CPF ou CNPJ inteiro e"
    " partes do nome. Confira se não há outro filtro.",
    "sales.none_yet": "As vendas aparecem assim que a Vindi avisar da primeira fatura.",
    "column.moment": "Data da venda",
    "column.issue": "Emitir em",
    "column.nota": "Nota",
    "column.competencia": "Competência",
    "column.origin": "Como chegou",
    "column.version": "Versão da regra",
    "origin.webhook": "Aviso da Vindi",
    "origin.reconciler": "Leitura da Vindi",
    "origin.backfill": "Importação",
    "action.retry": "Tentar de novo",
    "action.hold": "Reter",
    "action.release": "Liberar",
    "action.issue": "Emitir agora",
    "action.issue_bare": "Emitir sem documento",
    "action.cancel": "Cancelar a nota",
    "action.cancel_before": "Cancelar: não emitir nota",
    "will.retry": "A venda é avaliada de novo com os dados de agora. Uma nota negada é reenviada"
    " com o mesmo número de pedido, então não sai em dobro.",
    "will.retry_before": "A venda é avaliada de novo com os dados de agora: se estiverem certos, a"
    " nota sai.",
    "will.hold": "Nenhuma nota sai desta venda até que alguém a libere.",
    "will.release": "A venda segue de onde parou: se os dados estiverem certos, a nota sai.",
    "will.issue": "A nota é pedida ao emissor já, sem esperar a garantia nem a data da regra.",
    "will.issue_bare": "Só esta venda: a nota sai sem o CPF ou CNPJ do cliente. Se ele for"
    " completado na Vindi antes, é usado.",
    "will.cancel": "Se a nota já existe, pedimos o cancelamento à prefeitura. Se ainda não existe,"
    " ela não será emitida.",
    "many.title": "{action}: {count}",
    "many.go": "{action} ({count})",
    "many.given_back": "As que foram estornadas em parte saem pelo valor inteiro: para uma nota do"
    " que resta, abra a venda.",
    "many.none": "Marque ao menos uma venda.",
    "many.done_text": "Cada venda mostra no histórico o que aconteceu. As notas saem no ritmo do"
    " emissor.",
    "many.back": "Voltar às vendas",
    "sales.file": "Baixar CSV",
}
