"""Pendências."""

from typing import Final

ATTENTION: Final[dict[str, str]] = {
    "attention.text": "Cada motivo uma vez, com quem resolve e o que fazer. O que for resolvido"
    " some daqui automaticamente.",
    "attention.original": "Palavras do emissor:",
    "attention.by_itself": "{count}",
    "attention.list": "Ver as vendas",
    "attention.others": "e mais {count}",
    "attention.again": "Reenviar",
    "attention.look": "Avaliar de novo",
    "attention.again_all": "Já resolvi: reenviar todas",
    "attention.look_all": "Já corrigi: avaliar todas de novo",
    "attention.will_again": "Cada nota é reenviada com o mesmo número de pedido, então nenhuma sai"
    " em dobro. Elas saem no ritmo que o emissor aceita.",
    "attention.will_look": "Lemos de novo cada cadastro na Vindi. As vendas com dados completos"
    " seguem; as outras continuam aqui.",
    "attention.more": "Vendas com este motivo: {before} na página que você viu, e {now} agora. Nada"
    " foi feito: confira, e envie de novo se for para todas.",
    "attention.nothing": "Não havia mais venda a reenviar com este motivo.",
}
