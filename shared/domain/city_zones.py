"""The time zone of a Brazilian city, by IBGE's code of it: what the day is there."""

from typing import Final
from zoneinfo import ZoneInfo

BRASILIA: Final = ZoneInfo("America/Sao_Paulo")
# By state, the code's first two digits (Lei 11.662/2008, Lei 12.876/2013). Thirteen towns in the
# west of Amazonas go an hour behind theirs, and Fernando de Noronha one ahead.
BY_STATE: Final = {
    "11": ZoneInfo("America/Porto_Velho"),
    "12": ZoneInfo("America/Rio_Branco"),
    "13": ZoneInfo("America/Manaus"),
    "14": ZoneInfo("America/Boa_Vista"),
    "50": ZoneInfo("America/Campo_Grande"),
    "51": ZoneInfo("America/Cuiaba"),
}


def zone_of_city(ibge: str | None) -> ZoneInfo:
    """A city's zone; Brasília's where the city is not known."""
    return BY_STATE.get((ibge or "")[:2], BRASILIA)
