"""By which words a person is found in texts. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from shared.domain.party import normalise_document

SHORTEST: Final = 5  # a shorter word would be found in everybody's texts
MOST: Final = 200
# What is set above or below a letter; taken out at once, since whole events are looked through.
_MARKS: Final = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")


class Who(Struct, frozen=True, kw_only=True):
    """What a customer is called: names, documents without punctuation, addresses, telephones."""

    names: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    def joined(self, other: "Who") -> "Who":
        """Both together, each word once."""
        return Who(
            names=_once(self.names + other.names),
            documents=_once(self.documents + other.documents),
            emails=_once(self.emails + other.emails),
            phones=_once(self.phones + other.phones),
        )

    @property
    def words(self) -> tuple[str, ...]:
        """What to look for in a text, the longest first, documents also as people write them."""
        written = [form for document in self.documents for form in _written(document)]
        found = {*self.names, *written, *self.emails, *self.phones}
        return tuple(sorted((one for one in found if len(one) >= SHORTEST), key=len, reverse=True))

    @property
    def sure(self) -> tuple[str, ...]:
        """Documents alone, which no namesake has: what is told by them is nobody else's."""
        return Who(documents=self.documents).words

    def is_buyer(self, tomador: Mapping[str, Any]) -> bool:
        """Whether the buyer that a nota names is who it is: by document, or by how to reach them.

        The name alone counts only where one of both has no document.
        """
        document = normalise_document(str(tomador.get("document") or ""))
        if document and document in self.documents:
            return True
        reached = {_folded(one) for one in _texts(tomador.get("email"), tomador.get("phone"))}
        if reached & {_folded(one) for one in (*self.emails, *self.phones)}:
            return True
        if document and self.documents:
            return False
        named = {_folded(one) for one in _texts(tomador.get("name"))}
        return bool(named & {_folded(one) for one in self.names})

    @property
    def own(self) -> tuple[str, ...]:
        """Documents and addresses: what is erased by them is theirs too, if not theirs alone."""
        return Who(documents=self.documents, emails=self.emails).words


NOBODY: Final = Who()


def who_is(customer: Mapping[str, Any]) -> Who:
    """The words of a customer as Vindi shows it, whole or inside of a bill."""
    phones = customer.get("phones")
    numbers = [row.get("number") for row in phones or () if isinstance(row, dict)]
    document = normalise_document(str(customer.get("registry_code") or ""))
    return Who(
        names=_texts(customer.get("name")),
        documents=(document,) if document else (),
        emails=_texts(*re.split(r"[;,\s]+", str(customer.get("email") or ""))),
        phones=_texts(*numbers),
    )


def mentions(text: str, words: Iterable[str]) -> bool:
    """Whether a text has one of the words in it, whole, in whatever case and with what accents.

    A name inside of a longer one is somebody else's: Maria is not in Mariana.
    """
    folded = _folded(text)
    return any(_stands_in(_folded(word), folded) for word in words)


def whole(word: str) -> str:
    """A pattern for a word where no letter or digit goes before or behind it."""
    before = "(?<![^\\W_])" if word[:1].isalnum() else ""
    behind = "(?![^\\W_])" if word[-1:].isalnum() else ""
    return f"{before}{re.escape(word)}{behind}"


def _stands_in(word: str, text: str) -> bool:
    return word in text and re.search(whole(word), text) is not None


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).casefold()


def _texts(*values: object) -> tuple[str, ...]:
    return tuple(value.strip() for value in values if isinstance(value, str) and value.strip())


def _once(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))[:MOST]


def _written(bare: str) -> tuple[str, ...]:
    if len(bare) == 11:
        return bare, f"{bare[:3]}.{bare[3:6]}.{bare[6:9]}-{bare[9:]}"
    if len(bare) == 14:
        return bare, f"{bare[:2]}.{bare[2:5]}.{bare[5:8]}/{bare[8:12]}-{bare[12:]}"
    return (bare,)
