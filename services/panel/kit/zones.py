"""The time zones of Brazil as people there call them."""

from typing import Final

from babel.dates import get_timezone_location

from services.panel.kit.say import LOCALE

ZONES: Final[tuple[tuple[str, str], ...]] = (
    ("America/Sao_Paulo", "Brasília (São Paulo, Rio, Sul, Nordeste)"),
    ("America/Manaus", "Manaus"),
    ("America/Cuiaba", "Cuiabá"),
    ("America/Campo_Grande", "Campo Grande"),
    ("America/Belem", "Belém"),
    ("America/Fortaleza", "Fortaleza"),
    ("America/Recife", "Recife"),
    ("America/Bahia", "Salvador"),
    ("America/Porto_Velho", "Porto Velho"),
    ("America/Boa_Vista", "Boa Vista"),
    ("America/Rio_Branco", "Rio Branco"),
    ("America/Noronha", "Fernando de Noronha"),
)
_NAMED: Final = {zone: said.partition(" (")[0] for zone, said in ZONES}


def zone_named(zone: str) -> str:
    """`Brasília`; of a zone elsewhere what Babel calls it."""
    return _NAMED.get(zone) or get_timezone_location(zone, locale=LOCALE, return_city=True)
