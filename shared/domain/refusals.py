"""The catalogue of refusals: what each asks for, who acts, and what may happen by itself.

The rows are data that an accountant can read, under `data/refusals/`: its README says how they are
read, and `docs/decisions/0019` why in this order.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, cast, get_args

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.bare_text import (
    bare,
    repaired,
    says_already,
    speaks_of_a_buyer,
    speaks_of_a_nota,
)

CATALOGUE: Final = Path(__file__).parent / "data" / "refusals"
WhoActs = Literal["tenant", "customer", "accountant", "support", "issuer", "nobody"]
UNKNOWN: Final = "denied_unknown"
_FILES: Final = ("nacional", "abrasf", "enotas")
_TEXT_FILES: Final = ("texts", "texts_last")
NUMBERING: Final = "denied_numbering"


class KnownDenial(Struct, frozen=True, kw_only=True):
    """What the catalogue says of a refusal; `name` is stable, and says where the row is.

    `helps` says in Portuguese what to do, empty where only the class is known. `resends`: it may
    be sent again by itself, after its class's waits. `moves_day`: another day may help, where a
    person says so. `of_company`: no sale of the company would fare better. `cancels` is the word
    for a cancellation refused so, of `shared.domain.cancellations`.
    """

    name: str
    denial: str
    who_acts: WhoActs
    helps: str = ""
    resends: bool = False
    moves_day: bool = False
    of_company: bool = False
    cancels: str | None = None

    @property
    def in_catalogue(self) -> bool:
        """Say whether some row of it was found; False also where a text says nothing."""
        return not self.name.startswith("none:")


SAID_NOTHING: Final = KnownDenial(
    name="none:empty", denial=UNKNOWN, who_acts="support", resends=True
)
NOT_KNOWN: Final = KnownDenial(name="none:unknown", denial=UNKNOWN, who_acts="support")
SPEAKS_OF_ANOTHER: Final = KnownDenial(
    name="none:already",
    denial=NUMBERING,
    who_acts="tenant",
    helps="O texto fala de algo que já existe. Confira no portal da prefeitura se a nota existe"
    " antes de qualquer reenvio.",
)


# In the place of "we send it again by ourselves".
_MAY_EXIST: Final = (
    "O texto fala também de algo que já existe. Confira no portal da prefeitura se a nota existe"
    " antes de qualquer reenvio."
)


class _Phrase(Struct, frozen=True, kw_only=True):
    pattern: re.Pattern[str]
    begins: tuple[str, ...]  # letters, some of which are in every text it fits; none: look always
    row: KnownDenial

    def fits(self, plain: str) -> bool:
        """Say whether a bare text has it; most are told by a few letters that are not there."""
        if self.begins and not any(letters in plain for letters in self.begins):
            return False
        return self.pattern.search(plain) is not None


class _Range(Struct, frozen=True, kw_only=True):
    first: int
    last: int
    row: KnownDenial


def read_refusal(text: str | None) -> KnownDenial:
    """Say what a refusal asks for; what speaks of something there already is never sent again.

    A code of the national system decides; then words that say that a nota exists; then words, and
    last the codes of city halls, which each uses in its own way.
    """
    meant = repaired(text or "")
    plain = bare(_in_full(meant))
    if not plain:
        return SAID_NOTHING
    found = _found(unicodedata.normalize("NFKC", meant).upper(), plain)
    if found.resends and says_already(plain):
        return replace(found, resends=False, helps=_MAY_EXIST)
    return found


def of_name(name: str | None) -> KnownDenial | None:
    """The row that was told by its name once; None when there is no such row any more."""
    return None if name is None else _BY_NAME.get(name)


def catalogue() -> Sequence[KnownDenial]:
    """Every row, as it stands in the files."""
    return tuple(_BY_NAME.values())


def vocabulary() -> Iterator[str]:
    """The words the catalogue itself is written in."""
    for file in (*_FILES, *_TEXT_FILES):
        for row in _rows(file):
            yield row["helps"]
            yield row.get("pattern", "")


def _in_full(text: str) -> str:
    """A text with the abbreviations of city halls written out: "ALIQ. INVAL. P/ O SERV."."""
    if not text.isascii():
        # Accents of letters alone: what stands beside them is told apart by whoever bares it.
        decomposed = unicodedata.normalize("NFD", text)
        text = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _ABBREVIATED.sub(lambda found: f"{_LONG[found[0].lower().rstrip('.')]} ", text)


def _found(written: str, plain: str) -> KnownDenial:
    national = _most_telling(_national(written))
    if national is not None:
        return national
    words = _of_whom(_first(_TEXTS, plain), plain)
    coded = _most_telling(_of_city_or_issuer(written))
    for one in (words, coded):
        if one is not None and one.denial == NUMBERING:
            return one
    if words is not None and (coded is None or coded.denial != words.denial):
        return words
    known = coded or _first(_TEXTS_LAST, plain)
    if known is None and says_already(plain) and speaks_of_a_nota(plain):
        return SPEAKS_OF_ANOTHER
    return known or NOT_KNOWN


def _of_whom(words: KnownDenial | None, plain: str) -> KnownDenial | None:
    """The words that count: one buyer's company, or a text of ours that is quoted, stops no seller.

    "Tomador: empresa baixada" speaks of a company too. A code that says so is not questioned.
    """
    if words is None or not words.of_company:
        return words
    if not speaks_of_a_buyer(plain, client=words.denial == "denied_issuer_setup"):
        return words
    return _first(_TEXTS_OF_A_SALE, plain) or _first(_TEXTS_LAST, plain)


def _most_telling(rows: Iterable[KnownDenial]) -> KnownDenial | None:
    """Of several codes in one text a used number, else the first whose class is known."""
    found = list(rows)
    rank = {NUMBERING: 0, UNKNOWN: 2}
    return min(found, key=lambda row: rank.get(row.denial, 1), default=None)


def _national(written: str) -> Iterator[KnownDenial]:
    for match in _NATIONAL_CODE.finditer(written):
        row = _NATIONAL.get(f"E{match[1]}") or _in_range(int(match[1]))
        if row is not None:
            yield row


def _in_range(number: int) -> KnownDenial | None:
    fitting = [one for one in _RANGES if one.first <= number <= one.last]
    return min(fitting, key=lambda one: one.last - one.first).row if fitting else None


def _of_city_or_issuer(written: str) -> Iterator[KnownDenial]:
    for match in _CITY_CODE.finditer(written):
        row = _OF_CITY.get(f"E{int(match[1])}") if match[1] else _OF_ISSUER.get(match[2])
        if row is not None:
            yield row


def _first(phrases: Sequence[_Phrase], plain: str) -> KnownDenial | None:
    return next((one.row for one in phrases if one.fits(plain)), None)


# Four digits are the national system's, whatever stands around them; three at most a city's, where
# a code is expected: "Bloco E10" is no refusal.
_NATIONAL_CODE: Final = re.compile(r"(?<![A-Z0-9-])E(?:[-.]|[ ](?=0))?(\d{4})(?![A-Z0-9])")
_CITY_CODE: Final = re.compile(
    r"(?:^|[:;,|\[(\n\r\"]|\bC[OÓ]D(?:IGO)?\.?|\bERROS?|\bREJEI[CÇ][AÃ]O)[ \t:#\[(-]*"
    r"(?:E(?:[-.]|[ ](?=\d+ *[-:–]))?(\d{1,3})|(\d{3}|\d{5}|[A-Z]{1,3}\d{1,4}))(?![A-Z0-9])"
)


def _rows(name: str) -> list[dict[str, str]]:
    lines = (CATALOGUE / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    told = (line for line in lines if not line.startswith("#"))
    return list(csv.DictReader(told, delimiter=";", quoting=csv.QUOTE_NONE))


def _row(file: str, word: str, fields: Mapping[str, str]) -> KnownDenial:
    who = fields["who_acts"]
    if who not in get_args(WhoActs):
        raise ValueError(f"{file}: {word}: nobody is called {who}")
    return KnownDenial(
        name=f"{file}:{word}",
        denial=fields["class"],
        who_acts=cast("WhoActs", who),
        helps=fields["helps"],
        resends=fields["resend"] == "yes",
        moves_day=fields["move_day"] == "yes",
        of_company=fields["company"] == "yes",
        cancels=fields["cancel"] or None,
    )


def _by_code(file: str) -> dict[str, KnownDenial]:
    return {row["code"]: _row(file, row["code"], row) for row in _rows(file)}


def _ranges(rows: Mapping[str, KnownDenial]) -> tuple[_Range, ...]:
    pairs = {code: code.split("-") for code in rows if "-" in code}
    return tuple(
        _Range(first=int(first[1:]), last=int(last[1:]), row=rows[code])
        for code, (first, last) in pairs.items()
    )


def _phrases(file: str) -> tuple[_Phrase, ...]:
    return tuple(
        _Phrase(
            pattern=_pattern(row["pattern"]),
            begins=_begins(row["pattern"].lower()),
            row=_row(file, row["name"], row),
        )
        for row in _rows(file)
    )


def _begins(told: str) -> tuple[str, ...]:
    """The longest run of letters without accents at each beginning a phrase may have."""
    heads = _alternatives(told[1:]) if told.startswith("(") else [told]
    runs = [max(_PLAIN_LETTERS.findall(_head(one)), key=len, default="") for one in heads]
    return tuple(runs) if all(runs) else ()


def _head(told: str) -> str:
    return re.split(r"[()|?*…]", told, maxsplit=1)[0]


def _alternatives(told: str) -> list[str]:
    """The alternatives of a group that was just opened."""
    found, depth = [""], 0
    for sign in told:
        if sign == ")" and depth == 0:
            break
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return found


_SIGNS: Final = re.compile(r"…|\*|[()|?]|[^\W_]|[^\w()|?*…]+")
_PLAIN_LETTERS: Final = re.compile(r"[a-z0-9]+")
_GAP: Final = " (?:.{0,160}? )?"


def _pattern(told: str) -> re.Pattern[str]:
    """A phrase of the catalogue as an expression over bare text; see its README for the signs."""
    tight = re.sub(r"\s*…\s*", "…", told.lower())
    made: list[str] = []
    for sign in _SIGNS.findall(tight):
        made.append(_expression(sign, after=made[-1] if made else ""))
    return re.compile(f"(?<![a-z0-9])(?:{''.join(made)})(?![a-z0-9])")


def _expression(sign: str, *, after: str) -> str:
    if sign == "…":
        return _GAP
    if sign == "*":
        return "*" if after == ")" else "[a-z0-9?]*"
    if sign == "(":
        return "(?:"
    if sign in ")|?":
        return sign
    if not sign.isalnum():
        return " "
    letter = unicodedata.normalize("NFKD", sign)[0]
    return letter if letter == sign else rf"(?:{letter}|\?{{1,3}})?"


def _abbreviated(shorts: Iterable[str]) -> re.Pattern[str]:
    """Whole words; those told with a point only where one follows."""
    words = (re.escape(one) if one.endswith(".") else rf"{one}(?:\.|\b)" for one in shorts)
    return re.compile(rf"\b(?:{'|'.join(words)})", re.IGNORECASE)


_SHORT: Final = {row["short"]: row["long"] for row in _rows("abbreviations")}
_LONG: Final = {short.rstrip("."): long for short, long in _SHORT.items()}
_ABBREVIATED: Final = _abbreviated(_SHORT)
_NATIONAL: Final = _by_code("nacional")
_RANGES: Final = _ranges(_NATIONAL)
_OF_CITY: Final = _by_code("abrasf")
_OF_ISSUER: Final = _by_code("enotas")
_TEXTS: Final = _phrases("texts")
_TEXTS_LAST: Final = _phrases("texts_last")
_TEXTS_OF_A_SALE: Final = tuple(one for one in _TEXTS if not one.row.of_company)
_BY_NAME: Final[dict[str, KnownDenial]] = {
    row.name: row
    for row in (
        *_NATIONAL.values(),
        *_OF_CITY.values(),
        *_OF_ISSUER.values(),
        *(one.row for one in (*_TEXTS, *_TEXTS_LAST)),
        SAID_NOTHING,
        NOT_KNOWN,
        SPEAKS_OF_ANOTHER,
    )
}
