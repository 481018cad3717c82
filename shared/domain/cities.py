"""City names as people type them, to the codes of IBGE. Never a guess between two cities.

The table and its source: shared/domain/data/README.md.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import islice, product
from pathlib import Path
from typing import Final

from shared.domain.text.letters import Alphabet, one_line

MUNICIPIOS: Final = Path(__file__).parent / "data" / "municipios.tsv"
_AFTER_A_CITY: Final = frozenset({"brasil", "brazil", "br", "capital"})
SHORTEST_MISSPELT: Final = 7  # letters; in shorter names one letter makes another city too easily
_WORDS_OF_A_STATE: Final = 4  # Rio Grande do Sul
_LETTERS_OF_AN_END: Final = 3
MOST_READINGS: Final = 64  # of one name full of abbreviations

STATES: Final[Mapping[str, str]] = {
    "acre": "AC", "alagoas": "AL", "amapa": "AP", "amazonas": "AM", "bahia": "BA", "ceara": "CE",
    "distritofederal": "DF", "espiritosanto": "ES", "goias": "GO", "maranhao": "MA",
    "matogrosso": "MT", "matogrossodosul": "MS", "minasgerais": "MG", "para": "PA",
    "paraiba": "PB", "parana": "PR", "pernambuco": "PE", "piaui": "PI", "riodejaneiro": "RJ",
    "riograndedonorte": "RN", "riograndedosul": "RS", "rondonia": "RO", "roraima": "RR",
    "santacatarina": "SC", "saopaulo": "SP", "sergipe": "SE", "tocantins": "TO",
}  # fmt: skip
UFS: Final = frozenset(STATES.values())
_BARE_STATES: Final[Mapping[str, str]] = {
    "riojaneiro": "RJ", "riograndenorte": "RN", "riograndesul": "RS", "matogrossosul": "MS",
}  # fmt: skip
_BESIDE_A_STATE: Final = frozenset({"br", "brasil", "brazil", "estado", "de", "do", "da", "uf"})
# The first two digits of a city's code name its state.
STATE_OF_CODE: Final[Mapping[str, str]] = {
    "11": "RO", "12": "AC", "13": "AM", "14": "RR", "15": "PA", "16": "AP", "17": "TO",
    "21": "MA", "22": "PI", "23": "CE", "24": "RN", "25": "PB", "26": "PE", "27": "AL",
    "28": "SE", "29": "BA", "31": "MG", "32": "ES", "33": "RJ", "35": "SP", "41": "PR",
    "42": "SC", "43": "RS", "50": "MS", "51": "MT", "52": "GO", "53": "DF",
}  # fmt: skip

# What a shortened word may stand for. All readings are tried; only one city may come of them.
ABBREVIATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "j": ("jose", "joao"),
    "s": ("sao", "santo", "santa", "senhora"), "sto": ("santo",), "sta": ("santa",),
    "st": ("santo", "santa"),
    "n": ("nossa", "nova", "novo"), "ns": ("nossasenhora",), "nsa": ("nossa",),
    "sra": ("senhora",), "sr": ("senhor",), "b": ("bom", "boa", "belo"), "bal": ("balneario",),
    "gov": ("governador",), "pres": ("presidente",), "cel": ("coronel",), "cap": ("capitao",),
    "mal": ("marechal",), "gal": ("general",), "gen": ("general",), "eng": ("engenheiro",),
    "dr": ("doutor",), "prof": ("professor",), "sen": ("senador",), "cons": ("conselheiro",),
    "cde": ("conde",), "pe": ("padre",), "d": ("dom", "dona"), "alm": ("almirante",),
    "rib": ("ribeirao",), "r": ("rio", "ribeirao"), "pto": ("porto",), "mte": ("monte",),
    "cach": ("cachoeira",), "cpo": ("campo",), "vl": ("vila",), "jd": ("jardim",),
    "p": ("porto", "presidente"), "c": ("campo", "campos"), "f": ("feira", "foz"),
}  # fmt: skip

# Names that many people still write, beside the one in force.
OTHER_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "SP": {"embu": "embudasartes", "mojidascruzes": "mogidascruzes", "mojimirim": "mogimirim",
           "ipaucu": "ipaussu"},
    "RJ": {
        "parati": "paraty", "rio": "riodejaneiro", "buzios": "armacaodosbuzios",
        "campos": "camposdosgoytacazes", "armacaodebuzios": "armacaodosbuzios",
    },
    "SC": {"picarras": "balneariopicarras"},
    "PE": {"iguaracu": "igarassu"},
    "RN": {
        "boasaude": "januariocicco", "assu": "acu", "augustosevero": "campogrande",
        "presidentejuscelino": "serracaiada",
    },
    "PB": {"serido": "saovicentedoserido"},
    "TO": {"fortalezadotabocao": "tabocao"},
    # The regions of the Federal District, which is one município.
    "DF": dict.fromkeys(
        (
            "aguaquente", "aguasclaras", "arapoanga", "arniqueira", "asanorte", "asasul",
            "brazlandia", "candangolandia", "ceilandia", "cruzeiro",
            "estrutural", "fercal", "gama", "guara", "itapoa", "jardimbotanico", "lagonorte",
            "lagosul",
            "noroeste", "nucleobandeirante", "octogonal", "paranoa", "parkway", "planaltina",
            "planopiloto", "recantodasemas",
            "riachofundo", "riachofundoii", "samambaia", "santamaria", "saosebastiao",
            "sobradinho", "sobradinhoii", "solnascente", "sudoeste", "taguatinga", "varjao",
            "vicentepires",
        ),
        "brasilia",
    ),
}  # fmt: skip


@lru_cache(maxsize=512)
def find_state(text: str | None) -> str | None:
    """The two letters of a state, from them or from its name; None when it is none."""
    joined = _joined(text or "")
    if joined.upper() in UFS:
        return joined.upper()
    return STATES.get(joined) or _state_among(_words(text or ""))


def _state_among(words: list[str]) -> str | None:
    """The state of "BR-SP", "São Paulo - SP" or "Estado de Goiás"; None where two are named."""
    left = [word for word in words if word not in _BESIDE_A_STATE]
    letters = {word.upper() for word in left if word.upper() in UFS}
    joined = "".join(word for word in left if word.upper() not in letters)
    name = STATES.get(joined) or _BARE_STATES.get(joined)
    found = letters | ({name} if name else set())
    spelt = name is not None or all(word.upper() in UFS for word in left)
    return found.pop() if len(found) == 1 and spelt else None


@lru_cache(maxsize=8192)
def find_city(name: str, state: str) -> str | None:
    """The seven-digit code of a city in a state ("SP"); None when it is unknown or ambiguous.

    Accents, case, punctuation, usual abbreviations, a trailing state and one wrong letter in a
    long name are forgiven. A code that is typed in place of the name is taken if it is one.
    """
    known = _cities().get(state)
    if known is None:
        return None
    if re.fullmatch(r"\d{7}", code := name.strip()):
        return code if code in known.values() else None
    words = _words(one_line(name, Alphabet.UNICODE) if "&" in name else name)
    bare = _without_state(words, state)
    alone = _without_company(bare, state)
    readings = (words, bare, alone, _without_state_name(alone, state))
    for reading in dict.fromkeys(map(tuple, readings)):
        found = _exactly(reading, state, known) or _misspelt("".join(reading), state)
        if found is not None:
            return found
    return None


def _exactly(words: Sequence[str], state: str, known: Mapping[str, str]) -> str | None:
    joined = "".join(words)
    joined = OTHER_NAMES.get(state, {}).get(joined, joined)
    if joined in known:
        return known[joined]
    found = {known[reading] for reading in islice(_readings(words), MOST_READINGS)
             if reading in known}  # fmt: skip
    return found.pop() if len(found) == 1 else None


def _readings(words: Sequence[str]) -> Iterator[str]:
    # The word itself comes first: the "d" of "d'Oeste" is no "dom".
    choices = [(word, *ABBREVIATIONS.get(word, ())) for word in words]
    return map("".join, product(*choices))


def _misspelt(joined: str, state: str) -> str | None:
    if len(joined) < SHORTEST_MISSPELT:
        return None
    by_ends = _cities_by_ends()[state]
    # In so long a name one mistake leaves the first letters as they are, or the last.
    like = (*by_ends.get(_beginning(joined), ()), *by_ends.get(_end(joined), ()))
    found = {code for name, code in like if _one_apart(joined, name)}
    return found.pop() if len(found) == 1 else None


def _beginning(name: str) -> str:
    return f"{name[:_LETTERS_OF_AN_END]}-"


def _end(name: str) -> str:
    return f"-{name[-_LETTERS_OF_AN_END:]}"


@cache
def _cities_by_ends() -> Mapping[str, Mapping[str, Sequence[tuple[str, str]]]]:
    """By state, the cities whose names begin, or end, with the same letters."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for state, known in _cities().items():
        ends = found[state] = {}
        for city in known.items():
            ends.setdefault(_beginning(city[0]), []).append(city)
            ends.setdefault(_end(city[0]), []).append(city)
    return found


def _one_apart(left: str, right: str) -> bool:
    """One letter too many, missing, wrong, or two letters swapped."""
    if abs(len(left) - len(right)) > 1 or min(len(left), len(right)) < SHORTEST_MISSPELT - 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), None)
    if at is None:
        return True
    swapped = left[at : at + 2] == right[at : at + 2][::-1] and left[at + 2 :] == right[at + 2 :]
    return (
        swapped
        or left[at + 1 :] == right[at + 1 :]
        or left[at + 1 :] == right[at:]
        or left[at:] == right[at + 1 :]
    )


def _without_company(words: list[str], state: str) -> list[str]:
    """Without the words that stand around a city's name: "Município de Itu - SP - Brasil"."""
    while len(words) > 1 and words[-1] in _AFTER_A_CITY:
        words = _without_state(words[:-1], state)
    if len(words) > 2 and words[0] in ("cidade", "municipio") and words[1] in ("de", "do", "da"):
        words = words[2:]
    return words


def _without_state(words: list[str], state: str) -> list[str]:
    return words[:-1] if len(words) > 1 and words[-1] == state.lower() else words


def _without_state_name(words: list[str], state: str) -> list[str]:
    """Without the state's name at the end: "Belo Horizonte - Minas Gerais"."""
    for count in range(1, min(len(words), _WORDS_OF_A_STATE + 1)):
        if STATES.get("".join(words[-count:])) == state:
            return words[:-count]
    return words


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z0-9]+", plain)


def _joined(text: str) -> str:
    return "".join(_words(text))


@cache
def _cities() -> Mapping[str, Mapping[str, str]]:
    """By state, the code of each name, written without blanks."""
    cities: dict[str, dict[str, str]] = {}
    for line in MUNICIPIOS.read_text(encoding="ascii").splitlines():
        state, code, name = line.split("\t")
        cities.setdefault(state, {})[_joined(name)] = code
    return cities


def city_named(code: str) -> str | None:
    """The name of a city by IBGE's code, as `SAO PAULO/SP`; None for what is no code."""
    return _names().get(code)


@cache
def _names() -> Mapping[str, str]:
    names: dict[str, str] = {}
    for line in MUNICIPIOS.read_text(encoding="ascii").splitlines():
        state, code, name = line.split("\t")
        names.setdefault(code, f"{name.upper()}/{state}")
    return names
