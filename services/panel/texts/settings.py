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
}
