"""How much room an issuer's form has for each text of a nota, and for which letters."""

from msgspec import Struct

from shared.domain.text.letters import Alphabet


class Width(Struct, frozen=True, kw_only=True, cache_hash=True):
    """What fits into one field, in characters."""

    most: int
    alphabet: Alphabet = Alphabet.LATIN_1


class Form(Struct, frozen=True, kw_only=True, cache_hash=True):
    """The texts of a nota that may be long. Codes and numbers are never cut: none is declared."""

    name: Width
    street: Width
    number: Width
    complement: Width
    district: Width
    city: Width  # of an address abroad; a Brazilian one has a code
    country: Width
    description: Width
    observations: Width
    city_text: Width
    extra: Width
    code: Width = Width(most=60)
