"""One action for many sales, and lists that have a name."""

from typing import Final

BULK: Final[dict[str, str]] = {
    "bulk.all": "Pedidos para várias vendas",
    "bulk.all_text": "O que foi pedido para muitas vendas de uma vez, por quem, e como anda.",
    "bulk.none": "Nenhum pedido ainda",
    "bulk.none_text": "Em Vendas, marque as vendas e escolha o que fazer com elas.",
    "bulk.asked": "Pedido em",
    "bulk.refused": "Sem efeito",
    "bulk.not_begun": "Ainda não começou.",
    "bulk.none_accepted": "Nenhuma venda aceitou o pedido",
    "bulk.progress": "Andamento",
    "bulk.of": "{done} de {sales}",
    "bulk.left": "Faltam cerca de {left}.",
    "bulk.goes_on": "Você pode fechar esta página: o pedido continua, e o andamento fica em"
    " “Pedidos para várias vendas”.",
    "bulk.stop": "Interromper",
    "bulk.refused_title": "Vendas que ficaram como estavam",
    "bulk.too_many": "São mais de 100 mil vendas. Restrinja o filtro e faça por partes.",
    "bulk.moved": "A lista mudou enquanto você olhava: eram {before} vendas e agora são {now}."
    " Confira e confirme de novo.",
    "filter.saved": "Filtros salvos",
    "filter.change": "Salvar ou apagar filtros",
    "filter.name": "Nome para este filtro",
    "filter.name_help": "Guarda também as colunas. Todos da empresa passam a ver este atalho."
    " O mesmo nome substitui o anterior.",
    "filter.save": "Salvar este filtro",
    "filter.remove": "Apagar",
    "filter.too_many": "Já há trinta filtros salvos. Apague um para salvar este.",
    "any_method": "Todos",
    "column.product": "Produto",
    "column.plan": "Plano",
    "column.method": "Meio de pagamento",
    "sales.workbook": "Baixar para Excel",
    "sales.untick": "Desmarcar",
    "said.filter_saved": "Filtro salvo.",
    "said.filter_removed": "Filtro apagado.",
    "said.bulk_stopped": "Interrompido. O que já foi pedido segue.",
    "said.bulk_over": "O pedido já tinha terminado.",
}
