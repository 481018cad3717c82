"""What a nota needs to know of the buyer, and whether Vindi's data has it."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal

from msgspec.structs import replace
from validate_docbr import CNPJ, CPF

from shared.domain.bill import Address
from shared.domain.cep import state_of_cep
from shared.domain.cities import find_city, find_state
from shared.domain.countries import country_name, is_brazil
from shared.domain.rule import DefaultAddress
from shared.domain.text.letters import one_line, says_something
from shared.domain.text.unsaid import says_there_is_none

DocumentState = Literal["valid", "missing", "invalid"]

ABROAD: Final = "EX"  # the state of a foreign address (enotas-api, section 4.2)
_CPF = CPF()
_CNPJ = CNPJ()
_ADDRESS_PARTS = ("street", "district", "city", "state", "zip")
CEP_DIGITS: Final = 8
_LONGEST_WRITTEN: Final = 14  # a CPF with its signs, or a bare CNPJ
_LONGEST_READ: Final = 200
_PUNCTUATION = re.compile(r"[^0-9A-Za-z]")
_WORD: Final = r"(?:C\.?P\.?F\.?|C\.?N\.?P\.?J\.?)(?:/M\.?F\.?)?"  # CNPJ/MF: of the Fazenda
_NAMED: Final = re.compile(rf"^(?:{_WORD}\W+)+(?:SOB\W+O\W+)?(?:N[Oº°.]{{0,2}}\W+)?", re.IGNORECASE)
_NAMED_BEHIND: Final = re.compile(rf"\W+{_WORD}\W*$", re.IGNORECASE)


def normalise_document(text: str | None) -> str | None:
    """Strip punctuation from a CPF or CNPJ; letters stay (alphanumeric CNPJ, since July 2026)."""
    if not text:
        return None
    if not text.isascii():  # digits of full width, as some keyboards write them
        text = unicodedata.normalize("NFKC", text)
    if text[0].isalpha():  # "CPF: 123.456.789-09"
        text = _NAMED.sub("", text)
    if len(text) > _LONGEST_WRITTEN:  # "123.456.789-09 (CPF)"
        text = _NAMED_BEHIND.sub("", text[:_LONGEST_READ])
    return _PUNCTUATION.sub("", text).upper() or None


def is_a_name(text: str) -> bool:
    """Say whether a name is one: not signs alone, nor what is written where there is none."""
    return says_something(text) and not says_there_is_none(text)


@lru_cache(maxsize=8192)  # asked several times of each sale, and of each renewal again
def normalise_cep(text: str | None) -> str | None:
    """The eight digits of a CEP, however they are written; other texts as they are, for a person.

    A CEP with a digit too few is not completed: which one was lost cannot be known.
    """
    if not text or (len(text) == CEP_DIGITS and text.isascii() and text.isdigit()):
        return text or None
    digits = "".join(str(unicodedata.decimal(one)) for one in text if one.isdecimal())
    return digits if len(digits) == CEP_DIGITS else text.strip() or None


@lru_cache(maxsize=8192)  # asked several times of each sale, and of each renewal again
def document_state(document: str | None) -> DocumentState:
    """Check the length and check digits of a bare CPF (11) or CNPJ (14)."""
    if not document:
        return "missing"
    if len(document) == 11:
        good = document.isdigit() and _CPF.validate(document)
    else:
        good = len(document) == 14 and document.isalnum() and _CNPJ.validate(document)
    return "valid" if good else "invalid"


def is_company(document: str | None) -> bool:
    """Say whether a bare document is a CNPJ, not a person's CPF."""
    return document is not None and len(document) == 14


def missing_address_parts(address: Address) -> tuple[str, ...]:
    """Name what an address lacks of street, district, city, state and zip."""
    missing = [part for part in _ADDRESS_PARTS if not says_something(getattr(address, part) or "")]
    if "zip" not in missing and not _is_cep(normalise_cep(address.zip)):
        missing.append("zip")
    return tuple(missing)


def _is_cep(text: str | None) -> bool:
    return text is not None and len(text) == CEP_DIGITS and text.isascii() and text.isdigit()


def complete_by_cep(address: Address) -> Address:
    """Add the state that an address lacks, where its CEP names one that has the city.

    Nothing else of an address is worked out: a CEP of a street is known to the Correios alone.
    """
    if address.state or not address.city or not address.zip:
        return address
    state = state_of_cep(normalise_cep(address.zip) or "")
    if state is None or find_city(address.city, state) is None:
        return address
    return replace(address, state=state)


def stand_in_address(rule: DefaultAddress) -> Address:
    """The tenant's default address as an address."""
    return Address(
        street=rule.street,
        number=rule.number,
        complement=rule.complement,
        district=rule.district,
        city=rule.city,
        state=rule.state,
        zip=normalise_cep(rule.zip),
        country="BR",
        city_code=find_city(rule.city, rule.state),
    )


def is_foreign(address: Address) -> bool:
    """Say whether a customer lives abroad; an address without a country is Brazilian."""
    country = address.country
    if country is None or country == "BR":  # nearly always
        return False
    return says_something(country) and not is_brazil(one_line(country))


def locate(address: Address) -> Address | None:
    """A Brazilian address with its state in two letters and its city's code of IBGE.

    None when the city is not one of that state, or could be two.
    """
    state = find_state(address.state)
    code = find_city(address.city or "", state) if state else None
    if code is None:
        return None
    return Address(  # by hand: `replace` takes three times as long, for every nota
        street=address.street,
        number=address.number,
        complement=address.complement,
        district=address.district,
        city=address.city,
        state=state,
        zip=normalise_cep(address.zip),
        country=address.country,
        city_code=code,
    )


def abroad(address: Address) -> Address | None:
    """A foreign address as a nota takes it: state EX, no CEP; None without street or city."""
    if not says_something(address.street or "") or not says_something(address.city or ""):
        return None
    return replace(address, state=ABROAD, zip=None, country=country_name(address.country or ""))
