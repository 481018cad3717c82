"""Countries as a nota names them: in Portuguese, from the two letters of ISO 3166 that Vindi has.

eNotas wants the name of a country (enotas-api, section 4.2). Those most often met are here; any
other is sent as it was typed.
"""

from collections.abc import Mapping
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    "AE": "Emirados Árabes Unidos", "AO": "Angola", "AR": "Argentina", "AT": "Áustria",
    "AU": "Austrália", "BE": "Bélgica", "BO": "Bolívia", "BR": "Brasil", "CA": "Canadá",
    "CH": "Suíça", "CL": "Chile", "CN": "China", "CO": "Colômbia", "CR": "Costa Rica",
    "CV": "Cabo Verde", "CZ": "República Tcheca", "DE": "Alemanha", "DK": "Dinamarca",
    "DO": "República Dominicana", "EC": "Equador", "ES": "Espanha", "FI": "Finlândia",
    "FR": "França", "GB": "Reino Unido", "GR": "Grécia", "GT": "Guatemala", "HU": "Hungria",
    "IE": "Irlanda", "IL": "Israel", "IN": "Índia", "IT": "Itália", "JP": "Japão",
    "KR": "Coreia do Sul", "LU": "Luxemburgo", "MX": "México", "MZ": "Moçambique",
    "NL": "Países Baixos", "NO": "Noruega", "NZ": "Nova Zelândia", "PA": "Panamá", "PE": "Peru",
    "PL": "Polônia", "PT": "Portugal", "PY": "Paraguai", "RO": "Romênia", "SE": "Suécia",
    "SG": "Singapura", "SV": "El Salvador", "TR": "Turquia", "UA": "Ucrânia",
    "US": "Estados Unidos", "UY": "Uruguai", "VE": "Venezuela", "ZA": "África do Sul",
}  # fmt: skip


def country_name(country: str) -> str:
    """The name of a country given by its two letters, else the text itself."""
    return NAMES.get(country.strip().upper(), country.strip())


_BRAZIL: Final = frozenset({"", "BR", "BRA", "BRASIL", "BRAZIL"})


def is_brazil(country: str) -> bool:
    """Say whether a text names Brazil, or no country at all."""
    return country.strip().upper() in _BRAZIL
