"""Keys of metadata that nearly are ours: what a person meant, not passed over. Pure."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Final

_ENOUGH: Final = 0.84  # of two names' letters: two wrong in a long name
_SHORT: Final = 6  # letters; here one counts
# What shops keep of notas under our prefix, and is near a key of ours by chance.
_OF_OTHERS: Final = frozenset(
    {"id", "fiscal", "nf", "nfe", "nfse", "numero", "serie", "status", "url", "pdf", "xml", "tipo"}
)
# Other words for what a key of ours says.
_MEANT: Final[Mapping[str, str]] = {
    "ir": "irrf",
    "iss": "iss_retido",
    "issqn_retido": "iss_retido",
    "retencao": "retencoes",
    "retem_iss": "iss_retido",
    "natureza_operacao": "natureza",
    "natureza_da_operacao": "natureza",
    "deducao": "deducoes",
    "observacao": "observacoes",
    "im": "inscricao_municipal",
    "pais": "pais_prestacao",
    "regime_especial_tributacao": "regime_especial",
}


def nearly(name: str, known: Collection[str]) -> str | None:
    """The known name that another one was probably meant for; None where it is far from all."""
    if name in _OF_OTHERS:
        return None
    if name in _MEANT:
        return _MEANT[name]
    if len(name) <= _SHORT:
        return next((one for one in known if _one_apart(name, one)), None)
    return next(iter(get_close_matches(name, known, n=1, cutoff=_ENOUGH)), None)


def _one_apart(name: str, other: str) -> bool:
    """One letter wrong, missing or too many, or two swapped."""
    if len(name) == len(other):
        wrong = [place for place in range(len(other)) if name[place] != other[place]]
        swapped = len(wrong) == 2 and sorted(name) == sorted(other)
        return len(wrong) == 1 or swapped
    short, long = sorted((name, other), key=len)
    shortened = (long[:place] + long[place + 1 :] for place in range(len(long)))
    return len(long) == len(short) + 1 and short in shortened
