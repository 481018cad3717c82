"""Suporte, and acting for a ticket."""

from typing import Final

SUPPORT: Final[dict[str, str]] = {
    "ticket.title": "Em nome de qual chamado?",
    "ticket.text": "O que você fizer em {company} fica registrado com o seu nome e este chamado.",
    "ticket.help": "Letras, números, # . / e -",
    "ticket.go": "Continuar",
    "ticket.wrong": "Informe o número do chamado.",
    "support.text": "Abra qualquer empresa para ver. Para fazer algo, informe o número do chamado.",
    "support.help": "Nome ou código da empresa, fatura, ou identificação da nota no emissor",
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
}
