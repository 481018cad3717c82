"""What is wrong, or unusual, with the fiscal fields of a rule beside its service's codes. Pure.

`field_problems` works on a rule as it was told, as `impossible` does, and refuses what no nota
could carry; `field_warnings` on one that was taken, and names what has to be confirmed. Codes in
brackets are those of the national catalogue (SEFIN Nacional, Anexo I).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from shared.domain.cities import city_named
from shared.domain.countries import is_country
from shared.domain.emails import email_for_nota
from shared.domain.fields.stated import AMOUNT_VARIABLE, AUTO, OMIT
from shared.domain.fields.withholding import FEDERAL
from shared.domain.service_checks import SERVICES, RuleWarning
from shared.domain.told import Field, Misfit, Told, part_of

if TYPE_CHECKING:
    from shared.domain.fields.stated import NotaFields
    from shared.domain.rule import Rule

_Unusual = tuple[str, str, str]  # code, field, what is said

_CODES: Final = ("nature", "special_regime", "immunity", "nif", "pis_cofins_withholding")
_TEXTS: Final = ("city_text", "observations")
_COMPANIES: Final = ("companies", "companies_of_same_city")
# CST of PIS and COFINS, of the tables of EFD-Contribuições that NT 007 refers to.
_SITUATIONS: Final = frozenset(
    f"{code:02}"
    for code in (*range(10), 49, *range(50, 57), *range(60, 68), *range(70, 76), 98, 99)
)
_APPORTIONED: Final = "regimeapuracaotributossn"
_PERCENTAGES: Final = "valorpercentualtributos"
_RECEIVED: Final = "valortotalrecebido"
_NUMBER: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
# What the national layout knows; cities have their own, which nobody lists.
_SPECIAL_REGIMES: Final = frozenset("01234569")
_IMMUNITIES: Final = frozenset("012345")
_SUSPENSIONS: Final = frozenset("12")
_KINDS: Final = frozenset("0123456789")
# Less than anybody keeps back, in percent: what is below is a fraction that was typed for one.
LEAST_OF: Final[Mapping[str, Decimal]] = {
    "pis": Decimal("0.1"),
    "cofins": Decimal("0.1"),
    "csll": Decimal("0.1"),
    "irrf": Decimal("0.1"),
    "inss": Decimal("0.5"),
}
_MOST: Final = Decimal(30)
_CONFIRM: Final = "Se está certo, confirme."


def field_problems(rule: Told) -> Iterator[Misfit]:
    """Name every field of a rule, wherever it is stated, that no nota could carry."""
    for at, told in _layers(rule):
        for name in (*_CODES, *_TEXTS):
            yield from _blank(told.get(name), (*at, name), ends=name in _CODES)
        for name in ("kind", "process"):
            place = (*at, "suspension", name)
            yield from _blank(part_of(told, "suspension").get(name), place, ends=True)
        yield from _contradicting(told, at)
        yield from value_problems(told, at)
    yield from _cities(rule)
    for customer in part_of(rule, "customers"):
        if customer != customer.strip() or not customer:
            said = "um cliente está em branco ou tem espaço no começo ou no fim"
            yield ("customers",), f"customers: {said}"


def _cities(rule: Told) -> Iterator[Misfit]:
    for code, told in part_of(rule, "cities").items():
        if re.fullmatch(r"[0-9]{7}", code) and city_named(code) is None:
            yield ("cities", code), f"cities: o IBGE não tem cidade com o código {code}"
        if not isinstance(told, Mapping):
            continue
        least, most = told.get("iss_rate_least"), told.get("iss_rate_most")
        if is_rate(least) and is_rate(most) and Decimal(least) > Decimal(most):
            at = ("cities", code, "iss_rate_least")
            yield at, "iss_rate_least: não pode ser maior que iss_rate_most"
        if told.get("iss_rate") == "forbidden" and (least is not None or most is not None):
            at = ("cities", code, "iss_rate")
            yield at, "iss_rate: a cidade que não quer a alíquota não a limita"


def value_problems(told: Told, at: Field) -> Iterator[Misfit]:
    """Name what of one layer no nota could carry, whatever stands beside it."""
    for name, looks in _LOOKS.items():
        if told.get(name) is not None:
            yield from looks(told, at)


def _layers(rule: Told) -> Iterator[tuple[Field, Told]]:
    yield ("service",), part_of(rule, "service")
    for name in (*SERVICES, "customers"):
        for key, told in part_of(rule, name).items():
            if isinstance(told, Mapping):
                yield (name, key), told


def _blank(value: Any, at: Field, *, ends: bool) -> Iterator[Misfit]:
    if not isinstance(value, str) or not value:
        return
    if not value.strip():
        yield at, f"{at[-1]}: não pode ficar em branco; sem valor, informe null"
    elif ends and value != value.strip():
        yield at, f"{at[-1]}: tem espaço no começo ou no fim"


def _contradicting(told: Told, at: Field) -> Iterator[Misfit]:
    untaxed = {"export": told.get("export") is True, "immunity": told.get("immunity") is not None}
    withheld = told.get("iss_withheld") is True or told.get("iss_withholding") in _COMPANIES
    which = "iss_withheld" if told.get("iss_withheld") is True else "iss_withholding"
    if withheld and any(untaxed.values()):
        yield (*at, which), f"{which}: na exportação e na imunidade nada é retido (E0580)"
    if withheld and told.get("special_regime") not in (None, "0"):
        yield (*at, which), f"{which}: com regime especial de tributação nada é retido (E0588)"
    if all(untaxed.values()):
        yield (*at, "immunity"), "immunity: não vale com export; o ISS é um ou outro"
    if untaxed["immunity"] and told.get("suspension") is not None:
        said = "suspension: não vale com immunity; o que é imune não tem exigibilidade suspensa"
        yield (*at, "suspension"), said


def _emails(told: Told, at: Field) -> Iterator[Misfit]:
    emails = told.get("more_emails")
    for number, email in enumerate(emails if isinstance(emails, list | tuple) else ()):
        if isinstance(email, str) and email_for_nota(email) is None:
            yield (*at, "more_emails", number), "more_emails: não é um endereço de e-mail válido"


def _extras(told: Told, at: Field) -> Iterator[Misfit]:
    for name, value in part_of(told, "extras").items():
        wrong = _wrong_extra(name.lower(), value) if isinstance(value, str) else None
        if wrong is not None:
            yield (*at, "extras"), f"{name}: {wrong}"


def _wrong_extra(name: str, value: str) -> str | None:
    bare = value.replace(AMOUNT_VARIABLE, "1.00")
    if "{" in bare or "}" in bare:
        return f"a única variável é {AMOUNT_VARIABLE}"
    if not value.strip():
        return "não pode ficar em branco"
    if name == _APPORTIONED and value not in ("1", "2", "3"):
        return "deve ser 1, 2 ou 3"
    if name == _RECEIVED and not _NUMBER.fullmatch(bare):
        return f"deve ser um valor, como 179.90 ou {AMOUNT_VARIABLE}"
    if name.startswith(_PERCENTAGES) and not (_NUMBER.fullmatch(bare) and Decimal(bare) <= 100):
        return "deve ser uma porcentagem de 0 a 100, como 13.45"
    return None


def _trade(told: Told, at: Field) -> Iterator[Misfit]:
    trade = part_of(told, "foreign_trade")
    amount = trade.get("amount")
    if not isinstance(amount, str) or not _NUMBER.fullmatch(amount):
        return
    if Decimal(amount) == 0:
        yield (*at, "foreign_trade", "amount"), "amount: deve ser maior que zero (E0345)"
    if trade.get("currency") is None:
        yield (*at, "foreign_trade", "currency"), "currency: é obrigatória com amount"


def _country(told: Told, at: Field) -> Iterator[Misfit]:
    country = part_of(told, "place").get("country")
    if isinstance(country, str) and len(country) == 2 and not is_country(country):
        yield (*at, "place", "country"), f"country: {country} não é um país (ISO 3166)"


def _situation(told: Told, at: Field) -> Iterator[Misfit]:
    value = told.get("pis_cofins_situation")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{2}", value) and value not in _SITUATIONS:
        name = "pis_cofins_situation"
        yield (*at, name), f"{name}: {value} não é um CST de PIS/COFINS"


def _too_much_withheld(told: Told, at: Field) -> Iterator[Misfit]:
    rates = part_of(told, "withholdings")
    if _are_too_much(tuple([one for tax in FEDERAL if isinstance(one := rates.get(tax), str)])):
        yield (*at, "withholdings"), "withholdings: somadas, passam de 100 %"


_LOOKS: Final[Mapping[str, Callable[[Told, Field], Iterator[Misfit]]]] = {
    "more_emails": _emails,
    "extras": _extras,
    "foreign_trade": _trade,
    "place": _country,
    "pis_cofins_situation": _situation,
    "withholdings": _too_much_withheld,
}


def is_rate(text: object) -> TypeGuard[str]:
    """Say whether a text is a rate as a rule has it."""
    return isinstance(text, str) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,4})?", text) is not None


def field_warnings(rule: "Rule") -> tuple[RuleWarning, ...]:
    """Name what is unusual in the fields of a rule, wherever they are stated."""
    layers: dict[str, NotaFields] = {"service": rule.service}
    for name in SERVICES:
        layers |= {f"{name}.{product}": own for product, own in getattr(rule, name).items()}
    layers |= {f"customers.{code}": own for code, own in rule.customers.items()}
    return tuple(
        RuleWarning(code=code, field=f"{at}.{field}", message=f"{field}: {said} {_CONFIRM}")
        for at, fields in layers.items()
        for code, field, said in _unusual(fields)
    )


def _unusual(fields: "NotaFields") -> Iterator[_Unusual]:
    yield from _unusual_rates(fields)
    if fields.approximate_taxes is not None and 0 < Decimal(fields.approximate_taxes) < 1:
        yield _fraction("approximate_taxes", fields.approximate_taxes)
    if fields.deduction_rate is not None and 0 < Decimal(fields.deduction_rate) <= 1:
        yield _fraction("deduction_rate", fields.deduction_rate)
    if fields.deduction_rate is not None and Decimal(fields.deduction_rate) == 100:
        yield "deduction_of_all", "deduction_rate", "100 % deixa a base do ISS em zero."
    yield from _unlisted(fields)
    if getattr(fields, "iss_rate", None) is not None and (fields.export or fields.immunity):
        said = "o padrão nacional não leva alíquota na exportação nem na imunidade (E0602)."
        yield "iss_rate_untaxed", "iss_rate", said


def _unusual_rates(fields: "NotaFields") -> Iterator[_Unusual]:
    rates, own = fields.withholdings, fields.own_pis_cofins
    told = {f"withholdings.{tax}": (tax, getattr(rates, tax)) for tax in FEDERAL if rates}
    if own is not None:
        told["own_pis_cofins.pis_rate"] = ("pis", own.pis_rate)
        told["own_pis_cofins.cofins_rate"] = ("cofins", own.cofins_rate)
    for field, (tax, text) in told.items():
        if text is None:
            continue
        if looks_a_fraction(tax, text):
            yield _fraction(field, text)
        elif Decimal(text) > _MOST:
            yield "rate_high", field, f"{text} % é mais do que se costuma reter."


@lru_cache(maxsize=1024)  # a tenant has a few
def _are_too_much(rates: tuple[str, ...]) -> bool:
    return sum(Decimal(rate) for rate in rates if is_rate(rate)) > 100


def looks_a_fraction(tax: str, rate: str) -> bool:
    """Say whether a rate in percent is so low that a fraction was meant: 0.015 for 1.5 %."""
    return rate[:1] == "0" and 0 < Decimal(rate) < LEAST_OF.get(tax, Decimal(0))


def _fraction(field: str, text: str) -> _Unusual:
    meant = (Decimal(text) * 100).normalize()
    said = (
        f"{text} parece uma fração, e se informa em porcentagem: se é {meant:f} %, informe assim."
    )
    return "rate_fraction", field, said


def _unlisted(fields: "NotaFields") -> Iterator[_Unusual]:
    suspension = fields.suspension.kind if fields.suspension else None
    for name, value, known in (
        ("special_regime", fields.special_regime, _SPECIAL_REGIMES),
        ("immunity", fields.immunity, _IMMUNITIES),
        ("suspension.kind", suspension, _SUSPENSIONS),
        ("pis_cofins_withholding", fields.pis_cofins_withholding, {*_KINDS, AUTO, OMIT}),
    ):
        if value is not None and value not in known:
            yield (
                f"{name.partition('.')[0]}_unlisted",
                name,
                "o padrão nacional não tem este código.",
            )
