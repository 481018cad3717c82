"""Finding one of very many companies by what people type of its name. Pure."""

import unicodedata


def fits(words: str, name: str, key: str) -> bool:
    """Whether each word is in the name, accents and capitals aside, or all of them are its id."""
    here = _plain(name)
    return words == key or all(word in here for word in _plain(words).split())


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
