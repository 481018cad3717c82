"""What a buyer keeps back of a nota's price, to the centavo. Pure.

Only companies keep anything back, and nobody abroad does. Rates are the tenant's; a half centavo
goes to the even one.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from shared.domain.fields.stated import AUTO, OMIT, Withholdings
from shared.domain.fields.terms import NotaTerms
from shared.domain.money import NOTHING, Cents, read_reais
from shared.domain.nota import Service, Tomador, Withheld

CSRF: Final = ("pis", "cofins", "csll")  # withheld together, and waived by their sum
FEDERAL: Final = (*CSRF, "inss", "irrf")
_WHOLE: Final = 100 * 10_000
# tpRetPisCofins of the national layout, by which of PIS, COFINS and CSLL are withheld.
_KINDS: Final = {
    (False, False, False): "0",
    (True, True, True): "3",
    (True, True, False): "4",
    (True, False, False): "5",
    (False, True, False): "6",
    (False, True, True): "7",
    (False, False, True): "8",
    (True, False, True): "9",
}
_CODES: Final = frozenset(_KINDS.values())


class Portion(Struct, frozen=True, kw_only=True):
    """What one of the notas of a payment is reckoned from, and at which rates."""

    base: Cents
    rates: Withholdings | None


def percent_of(amount: int, rate: str) -> Cents:
    """A percentage of an amount, half-even."""
    exact = amount * _ten_thousandths(rate)
    whole, rest = divmod(exact, _WHOLE)
    up = 2 * rest > _WHOLE or (2 * rest == _WHOLE and whole % 2 == 1)
    return Cents(whole + up)


@lru_cache(maxsize=1024)
def _ten_thousandths(rate: str) -> int:
    """A rate, which has at most four decimals, as a whole number."""
    whole, _, part = rate.partition(".")
    return int(whole) * 10_000 + int(part[:4].ljust(4, "0"))


def is_company(tomador: Tomador) -> bool:
    """Say whether a buyer is a Brazilian company: those alone keep anything back."""
    document = tomador.document
    return tomador.foreign is None and document is not None and len(document) == 14


def withheld_of(
    portion: Portion,
    payment: Sequence[Portion],
    *,
    company: bool,
    iss_rate: str | None,
    iss_base: int,
) -> Withheld | None:
    """What is kept back of a nota; `payment` are all that are paid together with it, itself too.

    `iss_rate` is None where ISS is not kept back, or at a rate nobody stated.
    """
    iss = percent_of(iss_base, iss_rate) if iss_rate is not None else NOTHING
    rates = {"iss": iss_rate} if iss_rate is not None else {}
    if portion.rates is None or not company:
        return Withheld(iss=iss, rates=rates) if rates else None
    taxes = _taxes(portion)
    small = _waived(portion, taxes, payment)
    waived = tuple(tax for tax, amount in taxes.items() if amount and tax in small)
    kept = {tax: NOTHING if tax in waived else amount for tax, amount in taxes.items()}
    stated = {tax: rate for tax in taxes if (rate := getattr(portion.rates, tax)) is not None}
    return Withheld(
        **kept,
        iss=iss,
        rates={**stated, **rates},
        waived=waived,
        waiver=read_reais(portion.rates.waiver) if waived and portion.rates.waiver else NOTHING,
    )


def _taxes(portion: Portion) -> dict[str, Cents]:
    """Each federal tax with a rate, before anything is waived."""
    if portion.rates is None:
        return {}
    rates = ((tax, getattr(portion.rates, tax)) for tax in FEDERAL)
    return {tax: percent_of(portion.base, rate) for tax, rate in rates if rate is not None}


def _waived(own: Portion, taxes: Mapping[str, Cents], payment: Sequence[Portion]) -> Sequence[str]:
    """The taxes that come to so little of the payment that nobody has to keep them back."""
    if own.rates is None or own.rates.waiver is None:
        return ()
    limit = read_reais(own.rates.waiver)
    whole = [taxes if one is own else _taxes(one) for one in payment]
    small: list[str] = []
    for group in (CSRF, ("irrf",)):
        if sum([one.get(tax, 0) for one in whole for tax in group]) <= limit:
            small += group
    return small


def withholding_kind(terms: NotaTerms, withheld: Withheld | None) -> str | None:
    """The kind that a nota says PIS, COFINS and CSLL are withheld in; None: it says nothing.

    Nothing is said where nobody stated anything about them.
    """
    wanted = terms.pis_cofins_withholding
    if wanted == OMIT:
        return None
    if wanted not in (None, AUTO):
        return wanted
    rates = terms.withholdings
    asked = rates is not None and any(getattr(rates, tax) is not None for tax in CSRF)
    if wanted is None and not asked and terms.pis_cofins_situation is None:
        return None
    return _kind(withheld)


def contradicts(kind: str | None, withheld: Withheld | None) -> bool:
    """Say whether a kind of the national layout says otherwise than what is withheld."""
    return kind in _CODES and kind != _kind(withheld)


def _kind(withheld: Withheld | None) -> str:
    if withheld is None:
        return "0"
    return _KINDS[bool(withheld.pis), bool(withheld.cofins), bool(withheld.csll)]


def iss_withheld(
    service: Service, terms: NotaTerms, tomador: Tomador, seller_city: str | None
) -> bool:
    """Say whether the buyer keeps ISS back.

    What the service itself says of all its buyers stands; what was stated for a customer or a bill,
    and every policy, is for companies alone.
    """
    company = is_company(tomador)
    if terms.iss_withheld is not None:
        return terms.iss_withheld and company
    match terms.iss_withholding:
        case None:
            return service.iss_withheld
        case "no" | "listed_customers":
            return False
        case "companies":
            return company
        case "companies_of_same_city":
            city = tomador.address.city_code if tomador.address is not None else None
            return company and city is not None and city == seller_city
