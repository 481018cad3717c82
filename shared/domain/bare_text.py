"""A text somebody else wrote, bare of what varies: case, accents, markup, punctuation. Pure.

City halls send the same sentence in Latin-1 read as UTF-8, in entities, escaped twice, in capitals,
or with every accent lost. What was lost is kept as "?", so that a pattern may allow for it.
"""

import re
import unicodedata
from html import unescape
from typing import Final

LOST: Final = "?"
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
# UTF-8 read as Latin-1 or as Windows' own alphabet: two signs that were one letter.
_MISREAD: Final = re.compile("[ÂÃâã][^\x00-\x7f]")
_MARKUP: Final = re.compile(r"<[^<>]*>")
_BESIDE_A_LETTER: Final = re.compile(r"[´`'’‘^~¨\u00ad\u200b-\u200d\u2060\ufeff]")
_NO_WORD: Final = re.compile(r"[^a-z0-9?]+")
_ASKING: Final = re.compile(r"(?<![a-z])\?+(?![a-z])")
_ENTITIES_IN_ENTITIES: Final = 3

# What says that something exists: such a text is never an order to send once more.
_ALREADY: Final = re.compile(
    r"\bj ?(?:a|\?{1,3})?\b|\bjah\b|\balready\b|\bpreviously\b|\bduplic|\brepeti"
    r"|\bcolis|\bconflit|\bunique\b"
    r"|\butilizad|\busad[oa]s?\b|\bem uso\b|\bconvertid|\banterior|\bpreviamente\b|\breaproveit"
    r"|\bexistente|(?<!nao )(?<!n\?o )\bexist(?:e|em|ia|iam|ir|s)?\b"
    r"|(?<!nao )\bfo(?:i|ram) (?:emitid|gerad|processad|recebid|autorizad|registrad|enviad)"
    r"|(?<!nao )\bfo(?:i|ram) informad|\bter sido\b|\bvinculad|\bsendo process|\bem processamento"
    r"|\bnotas? (?:fiscal |fiscais )?(?:emitid|gerad|autorizad)|\bnfs ?e (?:emitid|gerad|autorizad)"
)
_OF_A_NOTA: Final = re.compile(
    r"\b(?:rps|dps|nfs ?e|nota|notas|numero|n\?+mero|numeracao|serie|s\?+rie|lote|chave"
    r"|documento|document|registro|record|protocolo|protocol|key|invoice|identificador|idexterno)\b"
)

_BUYER: Final = re.compile(
    r"\b(?:tomador|contratante|consumidor|destinatario|destinat\?+rio|discrimina|descri)"
)
_CLIENT: Final = re.compile(r"\bclientes?\b")
_SELLER: Final = re.compile(r"\b(?:prestador|emitente|emissor)")


def bare(text: str) -> str:
    """A text's words in small letters without accents, one space between them."""
    if text.isascii() and "&" not in text and "<" not in text and "\\" not in text:
        return _words(text.lower())
    repaired = _repaired(text)
    decomposed = unicodedata.normalize("NFKD", _BESIDE_A_LETTER.sub("", repaired).lower())
    letters = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _words(letters.replace("\ufffd", LOST))


def says_already(bare_text: str) -> bool:
    """Say whether a bare text speaks of something that is there already."""
    return _ALREADY.search(bare_text) is not None


def speaks_of_a_nota(bare_text: str) -> bool:
    """Say whether a bare text names a nota, its number, or what a nota is made of."""
    return _OF_A_NOTA.search(bare_text) is not None


def speaks_of_a_buyer(bare_text: str, *, client: bool) -> bool:
    """Say whether a bare text names the buyer or what is sold, and not the seller.

    `client`: that word means the buyer too. To whoever sells certificates and plans it is the
    seller.
    """
    named = _BUYER.search(bare_text) or (client and _CLIENT.search(bare_text))
    return bool(named) and _SELLER.search(bare_text) is None


def repaired(text: str) -> str:
    """A text with its letters as they were meant, where that can be told; markup is dropped."""
    return _repaired(text)


def _repaired(text: str) -> str:
    for _ in range(_ENTITIES_IN_ENTITIES):
        after = unescape(text)
        if after == text:
            break
        text = after
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    text = _MISREAD.sub(_as_meant, _MISREAD.sub(_as_meant, text))
    return _MARKUP.sub(" ", text)


def _as_meant(pair: re.Match[str]) -> str:
    letters = pair[0].replace("â", "Â").replace("ã", "Ã")
    for alphabet in ("latin-1", "cp1252"):
        try:
            return letters.encode(alphabet).decode("utf-8")
        except UnicodeError:
            continue
    return pair[0]


def _words(lower: str) -> str:
    return _NO_WORD.sub(" ", _ASKING.sub(" ", _BESIDE_A_LETTER.sub("", lower))).strip()
