"""Suporte, and acting for a ticket."""

from typing import Final

SUPPORT: Final[dict[str, str]] = {
    "ticket.title": "Em nome de qual chamado?",
    "ticket.text": "O que você fizer em {company} fica registrado com o seu nome e este chamado.",
    "ticket.help": "Letras, números, # . / e -",
    "ticket.go": "Continuar",
    "ticket.wrong": "Informe o número do chamado.",
    "support.text": "Abra qualquer empresa para ver. Para fazer algo, informe o número do chamado.",
    "support.help": "Nome ou código da empresa, fatura, número da nota, identificação da nota no"
    " emissor, CPF ou CNPJ do cliente",
    "support.plan": "Plano",
    "support.id": "Código",
    "support.none": "Nada encontrado",
    "tenant.setting_up": "Em ativação",
    "tenant.active": "Ativa",
    "tenant.paused": "Em pausa",
    "plan.basic": "Básico",
    "plan.pro": "Completo",
    "ticket.acting": "Você age em nome do chamado {ticket}.",
    "ticket.looking": "Você está só olhando. Para fazer algo, será pedido o número do chamado.",
    "support.sales": "Vendas e notas",
    "support.companies": "Empresas",
    "support.look": "Ver",
    "support.happened_at": "O que aconteceu em {company}",
    "happened.title": "O que aconteceu",
    "happened.text": "Avisos, decisões, notas e o que pessoas fizeram, na ordem em que aconteceram,"
    " no horário da empresa.",
    "happened.since": "De",
    "happened.until": "Até",
    "happened.what": "O que mostrar",
    "happened.go": "Mostrar",
    "happened.kind": "Tipo",
    "happened.line": "O que foi",
    "happened.none": "Nada aconteceu neste intervalo.",
    "happened.later": "Continuar",
    "happened.wrong": "O fim vem depois do início, no máximo 31 dias depois. Corrija as datas.",
}
