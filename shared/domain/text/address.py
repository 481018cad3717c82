"""An address as a form takes it: what does not fit in one field goes to the complement. Pure."""

import re
from typing import Final

from msgspec.structs import replace

from shared.domain.bill import Address
from shared.domain.text.cutting import halves
from shared.domain.text.form import Form, Width
from shared.domain.text.letters import is_single_line, one_line, says_something

NO_NUMBER: Final = "S/N"
# A house number, or the word that there is none, before what belongs to the complement.
_NUMBER: Final = re.compile(
    r"(?:n[uú]mero|n[º°o.]{0,2})?[\s:.]*"
    r"(?P<number>\d[\d.]*(?:/\d+)?(?:[ -]?[A-Za-z](?![\w.]))?|s\s*[/.]\s*n[º°.]?(?!\w))"
    r"(?:[\s,;:/(-]+(?P<rest>.+))?",
    re.IGNORECASE,
)
# "Rua das Flores, 123 - apto 4": a comma, a number or the word that there is none, and nothing
# else, or what says that it goes on.
_IN_STREET: Final = re.compile(
    r"(?P<street>[^,]*[^\W\d][^,]*),\s*(?:n[º°o.]{0,2}\s*)?"
    r"(?P<number>\d{1,5}(?:\.\d{3})?(?:-?[A-Za-z](?!\w))?|s\s*/\s*n[º°.]?(?!\w))"
    r"(?:(?:\s*[,-]\s*|\s+(?=(?:fundos|fds|ap|apto|apart|casa|cs|sala|sl|loja|lj|bloco|bl|cj|conj"
    r"|andar|sobrado|torre|box|galp)))(?P<rest>.+))?",
    re.IGNORECASE,
)
# A number that the field of its own says too.
_NO_NUMBER: Final = re.compile(
    r"s\s*[/.]?\s*n(?:[uú]mero|[º°.]{0,2})|sem\s+n(?:[uú]mero|[º°.]{0,2})|n\s*/\s*[ad]"
    r"|n[aã]o\s+(?:tem|h[aá]|possui|informado)",
    re.IGNORECASE,
)
# "nº 45": the number alone.
_NAMED: Final = re.compile(r"(?:n[uú]mero|n[º°o.]{1,2}|n\s)[\s:.]*(?=\d)", re.IGNORECASE)
# Eight parts in Latin-1, each begun by a letter or a digit, with single blanks and none at its end,
# without what stands between parts here, or may begin an entity of a page.
_PLAIN_PARTS: Final = re.compile(
    r"(?:\|[0-9A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff][!-%'-{}~\xa1-\xac\xae-\xff]*"
    r"(?: [!-%'-{}~\xa1-\xac\xae-\xff]+)*){8}\|"
)
_MOST_PASSES: Final = 4
LONGEST_STREET_READ: Final = 120  # a longer one is a letter, and no number stands out in it
# Where a number after a comma is of something else than the house.
_ELSEWHERE: Final = re.compile(
    r"\b(?:km|quadra|qd|lote|lt|bloco|bl|rodovia|rod|br|estrada)\b", re.IGNORECASE
)


def fit_address(address: Address, form: Form, told: list[str]) -> Address:
    """Write an address into a form, and tell what had no room. Safe to repeat."""
    # What was moved or cut may show a number where there was none before.
    for _ in range(_MOST_PASSES):
        if _fits(address, form) or (fitted := _fit(address, form, told)) is address:
            break
        address = fitted
    return address


def _fit(address: Address, form: Form, told: list[str]) -> Address:
    street, number, own = _parts(address, form)
    street, beyond_street = _halves(street, form.street)
    number, beyond_number = _house_number(number, form.number)
    wanted = [beyond_number, own, beyond_street]
    complement, lost = _halves(_joined(wanted), form.complement)
    complement = complement if says_something(complement) else ""
    district = _shorter(address.district, form.district, "bairro", told)
    if beyond_number:
        told.append("o que não cabe no número foi para o complemento")
    if beyond_street:
        told.append("o fim do logradouro foi para o complemento")
    if lost:
        told.append(f"complemento encurtado em {len(lost)} caracteres")
    return _changed(
        address,
        street=street,
        number=number,
        complement=complement,
        district=district,
        city=_shorter(address.city, form.city, "nome da cidade", told),
        country=_shorter(address.country, form.country, "nome do país", told),
        state=_written(address.state, form.code),
        zip=_written(address.zip, form.code),
    )


def _fits(address: Address, form: Form) -> bool:
    """Say whether nothing is to be done, as for nearly every address."""
    number = address.number or ""
    return looks_plain(address, form) or (
        number[:1].isdigit()
        and number[-1].isalnum()
        and "," not in (address.street or "")
        and _is_written(address.street, form.street)
        and _is_written(address.number, form.number)
        and _is_written(address.complement, form.complement)
        and _is_written(address.district, form.district)
        and _is_written(address.city, form.city)
        and _is_written(address.state, form.code)
        and _is_written(address.zip, form.code)
        and _is_written(address.country, form.country)
    )


def looks_plain(address: Address, form: Form) -> bool:
    """Say whether nothing is to be done, by one look; where not, its parts tell."""
    street, number, district, city = address.street, address.number, address.district, address.city
    if not (street and number and district and city and number[0].isdigit()):
        return False
    state, zip_ = _or_plain(address.state), _or_plain(address.zip)
    country, complement = _or_plain(address.country), _or_plain(address.complement)
    whole = f"|{street}|{number}|{complement}|{district}|{city}|{state}|{zip_}|{country}|"
    return (
        "," not in street
        and number[-1].isalnum()
        and len(street) <= form.street.most
        and len(number) <= form.number.most
        and len(complement) <= form.complement.most
        and len(district) <= form.district.most
        and len(city) <= form.city.most
        and max(len(state), len(zip_)) <= form.code.most
        and len(country) <= form.country.most
        and _PLAIN_PARTS.fullmatch(whole) is not None
    )


def _or_plain(text: str | None) -> str:
    """A part, or a letter in the place of one that is not told."""
    return "x" if text is None else text


def _is_written(text: str | None, width: Width) -> bool:
    if text is None:
        return True
    if not text[:1].isalnum() or len(text) > width.most:
        return False
    return is_single_line(text) or one_line(text, width.alphabet) is text


def _changed(address: Address, **fields: str) -> Address:
    """The address with these fields; itself where all are as they were."""
    told = {name: text or None for name, text in fields.items()}
    if all(getattr(address, name) == text for name, text in told.items()):
        return address
    return replace(address, **told)


def _parts(address: Address, form: Form) -> tuple[str, str, str]:
    """Street, number and complement; a number that stands in the street is taken from there."""
    street = _written(address.street, form.street)
    number = _said(address.number, form.number).rstrip(" ,;:-/")
    complement = _said(address.complement, form.complement)
    if _NO_NUMBER.fullmatch(number):
        number = NO_NUMBER
    elif named := _NAMED.match(number):
        number = number[named.end() :]
    if len(street) > LONGEST_STREET_READ:
        return street, number, complement
    found = _IN_STREET.fullmatch(street)
    if found is None or _ELSEWHERE.search(found["street"]):
        return street, number, complement
    there = NO_NUMBER if _NO_NUMBER.fullmatch(found["number"]) else found["number"]
    if number not in ("", NO_NUMBER, there):
        return street, number, complement
    return found["street"].strip(), there, _joined([found["rest"] or "", complement])


def _house_number(number: str, width: Width) -> tuple[str, str]:
    """The number, and what was written behind it."""
    if len(number) <= width.most:
        return number, ""
    found = _NUMBER.fullmatch(number)
    if found is None or len(found["number"]) > width.most:
        return NO_NUMBER, number
    return found["number"].strip(), (found["rest"] or "").strip()


def _joined(parts: list[str]) -> str:
    """What is not said already, in this order."""
    said = ""
    for part in parts:
        if says_something(part) and part.casefold() not in said.casefold():
            said = f"{said}, {part}" if said else part
    return said


def _halves(text: str, width: Width) -> tuple[str, str]:
    return (text, "") if len(text) <= width.most else halves(text, width.most)


def _said(text: str | None, width: Width) -> str:
    """Nothing where there is nothing but signs: a dash is no complement."""
    return _written(text, width) if text and says_something(text) else ""


def _shorter(text: str | None, width: Width, what: str, told: list[str]) -> str:
    written, lost = _halves(_written(text, width), width)
    if lost:
        told.append(f"{what} encurtado em {len(lost)} caracteres")
    return written


def _written(text: str | None, width: Width) -> str:
    return one_line(text, width.alphabet) if text else ""
