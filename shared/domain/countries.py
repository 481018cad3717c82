"""Countries as a nota names them: in Portuguese, from the two letters of ISO 3166 that Vindi has.

eNotas wants the name of a country (enotas-api, section 4.2). All of ISO 3166 is here; a text that
is no code is sent as it was typed.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from shared.domain.text.unsaid import says_there_is_none

NAMES: Final[Mapping[str, str]] = {
    "AD": "Andorra", "AE": "Emirados Árabes Unidos", "AF": "Afeganistão", "AG": "Antígua e Barbuda",
    "AI": "Anguila", "AL": "Albânia", "AM": "Armênia", "AO": "Angola", "AQ": "Antártida",
    "AR": "Argentina", "AS": "Samoa Americana", "AT": "Áustria", "AU": "Austrália", "AW": "Aruba",
    "AX": "Ilhas Aland", "AZ": "Azerbaijão", "BA": "Bósnia-Herzegovina", "BB": "Barbados",
    "BD": "Bangladesh", "BE": "Bélgica", "BF": "Burkina Faso", "BG": "Bulgária", "BH": "Bahrein",
    "BI": "Burundi", "BJ": "Benin", "BL": "São Bartolomeu", "BM": "Bermudas", "BN": "Brunei",
    "BO": "Bolívia", "BQ": "Bonaire, Saba e Santo Eustáquio", "BR": "Brasil", "BS": "Bahamas",
    "BT": "Butão", "BV": "Ilha Bouvet", "BW": "Botsuana", "BY": "Belarus", "BZ": "Belize",
    "CA": "Canadá", "CC": "Ilhas Cocos", "CD": "República Democrática do Congo",
    "CF": "República Centro-Africana", "CG": "Congo", "CH": "Suíça", "CI": "Costa do Marfim",
    "CK": "Ilhas Cook", "CL": "Chile", "CM": "Camarões", "CN": "China", "CO": "Colômbia",
    "CR": "Costa Rica", "CU": "Cuba", "CV": "Cabo Verde", "CW": "Curaçao", "CX": "Ilha Christmas",
    "CY": "Chipre", "CZ": "República Tcheca", "DE": "Alemanha", "DJ": "Djibuti", "DK": "Dinamarca",
    "DM": "Dominica", "DO": "República Dominicana", "DZ": "Argélia", "EC": "Equador",
    "EE": "Estônia", "EG": "Egito", "EH": "Saara Ocidental", "ER": "Eritreia", "ES": "Espanha",
    "ET": "Etiópia", "FI": "Finlândia", "FJ": "Fiji", "FK": "Ilhas Malvinas", "FM": "Micronésia",
    "FO": "Ilhas Faroe", "FR": "França", "GA": "Gabão", "GB": "Reino Unido", "GD": "Granada",
    "GE": "Geórgia", "GF": "Guiana Francesa", "GG": "Guernsey", "GH": "Gana", "GI": "Gibraltar",
    "GL": "Groenlândia", "GM": "Gâmbia", "GN": "Guiné", "GP": "Guadalupe", "GQ": "Guiné Equatorial",
    "GR": "Grécia", "GS": "Ilhas Geórgia do Sul e Sandwich do Sul", "GT": "Guatemala", "GU": "Guam",
    "GW": "Guiné-Bissau", "GY": "Guiana", "HK": "Hong Kong", "HM": "Ilhas Heard e McDonald",
    "HN": "Honduras", "HR": "Croácia", "HT": "Haiti", "HU": "Hungria", "ID": "Indonésia",
    "IE": "Irlanda", "IL": "Israel", "IM": "Ilha de Man", "IN": "Índia",
    "IO": "Território Britânico do Oceano Índico", "IQ": "Iraque", "IR": "Irã", "IS": "Islândia",
    "IT": "Itália", "JE": "Jersey", "JM": "Jamaica", "JO": "Jordânia", "JP": "Japão",
    "KE": "Quênia", "KG": "Quirguistão", "KH": "Camboja", "KI": "Kiribati", "KM": "Comores",
    "KN": "São Cristóvão e Névis", "KP": "Coreia do Norte", "KR": "Coreia do Sul", "KW": "Kuwait",
    "KY": "Ilhas Cayman", "KZ": "Cazaquistão", "LA": "Laos", "LB": "Líbano", "LC": "Santa Lúcia",
    "LI": "Liechtenstein", "LK": "Sri Lanka", "LR": "Libéria", "LS": "Lesoto", "LT": "Lituânia",
    "LU": "Luxemburgo", "LV": "Letônia", "LY": "Líbia", "MA": "Marrocos", "MC": "Mônaco",
    "MD": "Moldávia", "ME": "Montenegro", "MF": "São Martinho (parte francesa)", "MG": "Madagascar",
    "MH": "Ilhas Marshall", "MK": "Macedônia do Norte", "ML": "Mali", "MM": "Mianmar",
    "MN": "Mongólia", "MO": "Macau", "MP": "Ilhas Marianas do Norte", "MQ": "Martinica",
    "MR": "Mauritânia", "MS": "Montserrat", "MT": "Malta", "MU": "Maurício", "MV": "Maldivas",
    "MW": "Malaui", "MX": "México", "MY": "Malásia", "MZ": "Moçambique", "NA": "Namíbia",
    "NC": "Nova Caledônia", "NE": "Níger", "NF": "Ilha Norfolk", "NG": "Nigéria", "NI": "Nicarágua",
    "NL": "Países Baixos", "NO": "Noruega", "NP": "Nepal", "NR": "Nauru", "NU": "Niue",
    "NZ": "Nova Zelândia", "OM": "Omã", "PA": "Panamá", "PE": "Peru", "PF": "Polinésia Francesa",
    "PG": "Papua-Nova Guiné", "PH": "Filipinas", "PK": "Paquistão", "PL": "Polônia",
    "PM": "São Pedro e Miquelão", "PN": "Pitcairn", "PR": "Porto Rico", "PS": "Palestina",
    "PT": "Portugal", "PW": "Palau", "PY": "Paraguai", "QA": "Catar", "RE": "Reunião",
    "RO": "Romênia", "RS": "Sérvia", "RU": "Rússia", "RW": "Ruanda", "SA": "Arábia Saudita",
    "SB": "Ilhas Salomão", "SC": "Seicheles", "SD": "Sudão", "SE": "Suécia", "SG": "Singapura",
    "SH": "Santa Helena", "SI": "Eslovênia", "SJ": "Svalbard e Jan Mayen", "SK": "Eslováquia",
    "SL": "Serra Leoa", "SM": "San Marino", "SN": "Senegal", "SO": "Somália", "SR": "Suriname",
    "SS": "Sudão do Sul", "ST": "São Tomé e Príncipe", "SV": "El Salvador",
    "SX": "São Martinho (parte holandesa)", "SY": "Síria", "SZ": "Essuatíni",
    "TC": "Ilhas Turks e Caicos", "TD": "Chade", "TF": "Terras Austrais Francesas", "TG": "Togo",
    "TH": "Tailândia", "TJ": "Tadjiquistão", "TK": "Tokelau", "TL": "Timor-Leste",
    "TM": "Turcomenistão", "TN": "Tunísia", "TO": "Tonga", "TR": "Turquia",
    "TT": "Trinidad e Tobago", "TV": "Tuvalu", "TW": "Taiwan", "TZ": "Tanzânia", "UA": "Ucrânia",
    "UG": "Uganda", "UM": "Ilhas Menores Distantes dos Estados Unidos", "US": "Estados Unidos",
    "UY": "Uruguai", "UZ": "Uzbequistão", "VA": "Vaticano", "VC": "São Vicente e Granadinas",
    "VE": "Venezuela", "VG": "Ilhas Virgens Britânicas", "VI": "Ilhas Virgens Americanas",
    "VN": "Vietnã", "VU": "Vanuatu", "WF": "Wallis e Futuna", "WS": "Samoa", "XK": "Kosovo",
    "YE": "Iêmen", "YT": "Mayotte", "ZA": "África do Sul", "ZM": "Zâmbia", "ZW": "Zimbábue",
}  # fmt: skip


def country_name(country: str) -> str:
    """The name of a country given by its two letters, else the text itself."""
    return NAMES.get(country.strip().upper(), country.strip())


# 076 is of ISO 3166 too, 1058 of the Banco Central, 55 is dialled.
_BRAZIL: Final = frozenset({"", "BR", "BRA", "BRASIL", "BRAZIL", "076", "76", "1058", "55", "+55"})
# Its name in other tongues, and what stands beside it: "BR - Brasil", "República Federativa do…".
_ITS_NAMES: Final = frozenset({"br", "bra", "brasil", "brazil", "bresil", "brasile", "brasilien"})
_BESIDE: Final = frozenset({"republica", "federativa", "federative", "republic", "do", "of"})
_WORD: Final = re.compile(r"[a-z0-9]+")


def is_brazil(country: str) -> bool:
    """Say whether a text names Brazil, or no country at all."""
    if country.strip(" .").upper() in _BRAZIL or says_there_is_none(country):
        return True
    plain = unicodedata.normalize("NFKD", country.lower()).encode("ascii", "ignore").decode()
    words = set(_WORD.findall(plain))
    return not words.isdisjoint(_ITS_NAMES) and words <= (_ITS_NAMES | _BESIDE)


def is_country(code: str) -> bool:
    """Say whether two letters are a country's by ISO 3166; Kosovo's are the usual ones."""
    return code.strip().upper() in NAMES
