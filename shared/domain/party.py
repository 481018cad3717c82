"""What a nota needs to know of the buyer, and whether Vindi's data has it."""

import re
from typing import Final, Literal

from msgspec.structs import replace
from validate_docbr import CNPJ, CPF

from shared.domain.bill import Address
from shared.domain.cep import state_of_cep
from shared.domain.cities import find_city, find_state
from shared.domain.countries import country_name, is_brazil
from shared.domain.rule import DefaultAddress

DocumentState = Literal["valid", "missing", "invalid"]

ABROAD: Final = "EX"  # the state of a foreign address (enotas-api, section 4.2)
_CPF = CPF()
_CNPJ = CNPJ()
_ADDRESS_PARTS = ("street", "district", "city", "state", "zip")
_ZIP = re.compile(r"[0-9]{8}")
_PUNCTUATION = re.compile(r"[^0-9A-Za-z]")
_NO_DIGITS = re.compile(r"\D")
_BETWEEN_EMAILS = re.compile(r"[,;\s]+")


def normalise_document(text: str | None) -> str | None:
    """Strip punctuation from a CPF or CNPJ; letters stay (alphanumeric CNPJ, since July 2026)."""
    bare = _PUNCTUATION.sub("", text or "").upper()
    return bare or None


def document_state(document: str | None) -> DocumentState:
    """Check the length and check digits of a bare CPF (11) or CNPJ (14)."""
    if not document:
        return "missing"
    if len(document) == 11:
        good = document.isdigit() and _CPF.validate(document)
    else:
        good = len(document) == 14 and document.isalnum() and _CNPJ.validate(document)
    return "valid" if good else "invalid"


def missing_address_parts(address: Address) -> tuple[str, ...]:
    """Name what an address lacks of street, district, city, state and zip."""
    missing = [part for part in _ADDRESS_PARTS if not getattr(address, part)]
    if "zip" not in missing and not _ZIP.fullmatch(address.zip or ""):
        missing.append("zip")
    return tuple(missing)


def complete_by_cep(address: Address) -> Address:
    """Add the state that an address lacks, where its CEP names one that has the city.

    Nothing else of an address is worked out: a CEP of a street is known to the Correios alone.
    """
    if address.state or not address.city or not address.zip:
        return address
    state = state_of_cep(address.zip)
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
        zip=rule.zip.replace("-", ""),
        country="BR",
        city_code=find_city(rule.city, rule.state),
    )


def is_foreign(address: Address) -> bool:
    """Say whether a customer lives abroad; an address without a country is Brazilian."""
    return not is_brazil(address.country or "")


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
        zip=address.zip,
        country=address.country,
        city_code=code,
    )


def abroad(address: Address) -> Address | None:
    """A foreign address as a nota takes it: state EX, no CEP; None without street or city."""
    if not address.street or not address.city:
        return None
    return replace(address, state=ABROAD, zip=None, country=country_name(address.country or ""))


def phone_for_nota(phone: str | None) -> str | None:
    """Ten or eleven digits, or nothing: cities deny anything else (enotas-api, section 4.2)."""
    if not phone:
        return None
    digits = _NO_DIGITS.sub("", phone)
    if len(digits) in (12, 13) and digits.startswith("55"):
        digits = digits[2:]
    return digits if len(digits) in (10, 11) else None


def email_for_nota(email: str | None) -> str | None:
    """The first address of a field that may hold several, at most 80 characters."""
    first = _BETWEEN_EMAILS.split((email or "").strip(), maxsplit=1)[0]
    return first if "@" in first and len(first) <= 80 else None
