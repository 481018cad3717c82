"""What one nota says for the tax, in figures that can be added up: no name, no document. Pure.

The class is what a month's totals are grouped by; the amounts are what they add up. Each centavo
of ISS is rounded in its own nota, as the city rounds it, so a month is a sum of whole centavos.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, Service, Withheld

Taxation = Literal["taxable", "export", "immune", "suspended"]

# LC 116/2003, art. 3, exceptions in force: ISS is due where the service is rendered, not at the
# seller's. XXIII to XXV (the buyer's city of health plans, cards, leasing) were struck down by the
# Supreme Court (ADI 5835, 2023).
AT_PLACE: Final = frozenset(
    {"3.05", "7.02", "7.04", "7.05", "7.09", "7.10", "7.11", "7.12", "7.16", "7.17", "7.18",
     "7.19", "11.01", "11.02", "11.04", "17.10"}
)  # fmt: skip
ITEMS_AT_PLACE: Final = frozenset({"12", "16", "20"})
NOT_AT_PLACE: Final = frozenset({"12.13"})
AT_BUYER: Final = frozenset({"17.05"})  # labour: where the buyer is

_UNTAXED: Final = frozenset({"export", "immune"})
_NO_DIGITS: Final = re.compile(r"\D")
_NOTHING_WITHHELD: Final = Withheld()


class FiscalClass(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What notas of one line of the totals have in common. None: the nota does not say.

    `city` is where ISS is due by LC 116, art. 3: None is the seller's own. `place` and `country`
    are where the service is said to have been rendered.
    """

    municipal_code: str | None = None
    lc116: str | None = None
    national_code: str | None = None
    nbs: str | None = None
    city: str | None = None
    place: str | None = None
    country: str | None = None
    iss_rate: str | None = (
        None  # percent, with two decimals at least; None: the city applies its own
    )
    iss_withheld: bool = False
    taxation: Taxation = "taxable"
    ibs_cbs_class: str | None = None
    ibs_cbs_operation: str | None = None


class FiscalFacts(Struct, frozen=True, kw_only=True):
    """One nota: its class, written so that equal ones are equal text, and what it adds.

    `amount` is what the sale comes to. `iss` is None where the nota states no rate.
    """

    fiscal_class: str
    amount: Cents
    discount: Cents
    conditional_discount: Cents
    deductions: Cents
    iss: Cents | None
    pis: Cents
    cofins: Cents
    csll: Cents
    inss: Cents
    irrf: Cents


def fiscal_facts(draft: NotaDraft) -> FiscalFacts:
    """What a nota says for the tax, as it is about to be sent."""
    found = _class_of(draft.service)
    if found.at_buyer and draft.tomador.address is not None:
        found = _class_of(draft.service, draft.tomador.address.city_code)
    withheld = draft.withheld or _NOTHING_WITHHELD
    return FiscalFacts(
        fiscal_class=found.text,
        amount=draft.amount,
        discount=draft.discount,
        conditional_discount=draft.conditional_discount,
        deductions=draft.deductions,
        iss=found.iss_of(base_of(draft.total, draft.discount, draft.deductions)),
        pis=withheld.pis,
        cofins=withheld.cofins,
        csll=withheld.csll,
        inss=withheld.inss,
        irrf=withheld.irrf,
    )


def base_of(total: Cents, discount: Cents, deductions: Cents) -> Cents:
    """What ISS is reckoned on, 0 at least; a conditional discount does not lower it."""
    return Cents(max(0, total - discount - deductions))


def read_class(text: str) -> FiscalClass:
    """Read what a class was written as; fields of a later version are left out."""
    return _DECODER.decode(text)


class _Class(Struct, frozen=True, kw_only=True):
    """A class, and the rate as a fraction."""

    text: str
    at_buyer: bool  # ISS is due where the buyer is
    over: int  # centavos of base, times this,
    under: int  # by this: the centavos of ISS; 0 where no rate is stated

    def iss_of(self, base: Cents) -> Cents | None:
        """ISS on a base, rounded half to even."""
        return None if self.under == 0 else half_even(base * self.over, self.under)


def half_even(over: int, under: int) -> Cents:
    """A quotient of whole numbers above nothing, rounded half to even."""
    whole, rest = divmod(over, under)
    up = 2 * rest > under or (2 * rest == under and whole % 2 == 1)
    return Cents(whole + up)


_ENCODER: Final = Encoder(order="sorted")
_DECODER: Final = Decoder(FiscalClass)


@lru_cache(maxsize=4096)
def _class_of(service: Service, buyers_city: str | None = None) -> _Class:
    """The class of a service: a tenant has a few, so this is worked out once for each.

    The buyer's city tells classes apart only where ISS is due there.
    """
    taxation = _taxation(service)
    place = service.place
    rate = _rate(service.iss_rate)
    found = FiscalClass(
        municipal_code=service.municipal_code,
        lc116=service.lc116,
        national_code=service.national_code,
        nbs=service.nbs,
        city=_city_of_incidence(service, buyers_city),
        place=place.city if place else None,
        country=place.country if place else None,
        iss_rate=None if rate is None else _show_rate(rate),
        iss_withheld=service.iss_withheld,
        taxation=taxation,
        ibs_cbs_class=service.ibs_cbs_class,
        ibs_cbs_operation=service.ibs_cbs_operation,
    )
    over, under = _fraction(taxation, rate)
    at_buyer = _subitem(service) in AT_BUYER
    text = _ENCODER.encode(found).decode()
    return _Class(text=text, at_buyer=at_buyer, over=over, under=under)


def _fraction(taxation: Taxation, rate: Decimal | None) -> tuple[int, int]:
    if taxation in _UNTAXED:
        return 0, 1
    if rate is None:
        return 0, 0
    over, under = rate.as_integer_ratio()
    return over, under * 100


def _taxation(service: Service) -> Taxation:
    if service.export:
        return "export"
    if service.immunity:
        return "immune"
    return "suspended" if service.suspension else "taxable"


def _rate(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        return None
    return rate if rate.is_finite() and rate >= 0 else None


def _show_rate(rate: Decimal) -> str:
    """`2`, `2.0` and `2.000` are one rate: `2.00`."""
    whole, _, decimals = f"{rate:f}".partition(".")
    return f"{int(whole)}.{decimals.rstrip('0').ljust(2, '0')}"


def _city_of_incidence(service: Service, buyers_city: str | None) -> str | None:
    subitem = _subitem(service)
    if subitem is None:
        return None
    if subitem in AT_BUYER:
        return buyers_city
    return service.place.city if is_at_place(subitem) and service.place is not None else None


def city_of_incidence(
    service: Service, sellers_city: str | None, buyers_city: str | None
) -> str | None:
    """The city where ISS is due by LC 116, art. 3; None where that cannot be told.

    A service that is taxed where it is rendered and does not say where is of a city unknown, and so
    is one without a code of the national list.
    """
    subitem = _subitem(service)
    if subitem is None:
        return None
    if subitem in AT_BUYER or is_at_place(subitem):
        return _city_of_incidence(service, buyers_city)
    return sellers_city


def is_at_place(subitem: str) -> bool:
    """Say whether ISS of a service is due where it is rendered."""
    listed = subitem in AT_PLACE or subitem.partition(".")[0] in ITEMS_AT_PLACE
    return listed and subitem not in NOT_AT_PLACE


def _subitem(service: Service) -> str | None:
    return subitem_of(service.national_code) or subitem_of(service.lc116)


def subitem_of(code: str | None) -> str | None:
    """The subitem of LC 116 in a code as people write it: `1.07`, `0107`, `01.07.01`, `010701`."""
    if code is None:
        return None
    if "." in code:
        item, _, rest = code.partition(".")
        sub = rest.partition(".")[0]
    else:
        digits = _NO_DIGITS.sub("", code)
        digits = digits.zfill(6 if len(digits) > 4 else 4)
        item, sub = digits[:2], digits[2:4]
    plain = item.strip().isdecimal() and sub.strip().isdecimal()
    return f"{int(item)}.{int(sub):02d}" if plain else None


WORDS_OF_TAXATION: Final[Mapping[Taxation, str]] = {
    "taxable": "Tributada",
    "export": "Exportação",
    "immune": "Imune",
    "suspended": "Exigibilidade suspensa",
}
