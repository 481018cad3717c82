"""Configurações."""

from typing import Final

SETTINGS: Final[dict[str, str]] = {
    "settings.people": "Pessoas",
    "settings.people_text": "Quem entra, com qual papel, e convites.",
    "settings.people_go": "Ver pessoas",
    "settings.log": "Registro de mudanças",
    "settings.log_text": "O que foi mudado, por quem e por quê.",
    "settings.log_go": "Ver o registro",
    "settings.not_connected": "Ainda não conectado.",
    "settings.vindi": "Trocar a chave da Vindi",
    "settings.issuer": "Trocar a chave do emissor",
    "settings.webhook": "Endereços de aviso",
    "settings.zone": "Fuso horário",
    "settings.zone_help": "Decide em que dia e mês cada venda cai.",
    "settings.connected": "Conectado",
    "settings.tested": "Testado",
    "settings.test": "Testar agora",
    "settings.test_one": "Testar agora: {name}",
    "settings.fiscal": "Empresa e dados fiscais",
    "settings.fiscal_read": "Lido no eNotas",
    "settings.fiscal_text": "Para mudar um destes dados, use o painel do eNotas e depois “Testar"
    " agora”.",
    "settings.webhook_text": "Copiar ou trocar os endereços que a Vindi e o eNotas avisam.",
    "settings.webhook_go": "Ver os endereços",
    "settings.hooked": "Um endereço do seu sistema é avisado a cada mudança.",
    "settings.not_hooked": "Para que um sistema seu saiba de cada nota na hora.",
}
