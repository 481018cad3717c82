"""What a company's tax regime does not let its rule say. Pure.

`regime_problems` looks at a rule as it was told, `regime_warnings` at one that was taken;
`regime_refusal`, in a module of its own, at a nota. Codes are those of the national catalogue
(SEFIN Nacional, Anexo I), where a MEI issues always, and everybody else in cities of the national
issuer; what depends on the city alone is asked about at most, and never held.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from shared.domain.fields.withholding import FEDERAL
from shared.domain.service_checks import SERVICES, RuleWarning
from shared.domain.told import Field, Misfit, Told, part_of

if TYPE_CHECKING:
    from shared.domain.rule import Rule
    from shared.domain.sale import Seller

Regime = Literal["mei", "simples", "normal"]
NAMES: Final[Mapping[str, str]] = {
    "mei": "MEI",
    "simples": "Simples Nacional",
    "normal": "fora do Simples",
}
LOWEST_WITHHELD: Final = Decimal("1.80")  # of a rate that a buyer of a Simples company keeps back
NO_SPECIAL_REGIME: Final = (None, "0")
ALL_IN_SIMPLES: Final = "1"  # regApTribSN
APPORTIONED: Final = "regimeApuracaoTributosSN"
_COMPANIES: Final = ("companies", "companies_of_same_city")


def regime_problems(rule: Told) -> Iterator[Misfit]:
    """Name what a rule states and a company of the regime it states cannot say."""
    match rule.get("regime"):
        case "mei":
            for at, told, _ in _layers(rule):
                yield from _told_by_mei(at, told)
        case "simples":
            for at, told, whole in _layers(rule):
                yield from _told_by_simples(at, told, whole)
        case "normal":
            for at, told, _ in _layers(rule):
                if _apportioned(told) is not None:
                    said = f"{APPORTIONED} só existe no Simples Nacional (E0162)"
                    yield (*at, "extras"), f"extras: {said}"
        case _:
            return


def _layers(rule: Told) -> Iterator[tuple[Field, Told, Told]]:
    """Each place where something is stated: what, and what then counts there."""
    service = part_of(rule, "service")
    yield ("service",), service, service
    inherited = {name: value for name, value in service.items() if name not in _OF_SERVICE}
    for name in SERVICES:
        for product, told in part_of(rule, name).items():
            if isinstance(told, Mapping):
                own = {key: value for key, value in told.items() if value is not None}
                yield (name, product), told, {**inherited, **own}
    for customer, told in part_of(rule, "customers").items():
        if isinstance(told, Mapping):
            yield ("customers", customer), told, {}


# A product's own service has the word about these whole, see `Rule.with_inherited`.
_OF_SERVICE: Final = frozenset({"iss_rate", "iss_withheld"})


def _told_by_mei(at: Field, told: Told) -> Iterator[Misfit]:
    if told.get("iss_rate") is not None:
        yield (*at, "iss_rate"), "iss_rate: MEI não informa alíquota (E0600); informe null"
    if told.get("iss_withheld") is True:
        yield (*at, "iss_withheld"), "iss_withheld: de MEI não se retém ISS (E0583)"
    if told.get("iss_withholding") in _COMPANIES:
        yield (*at, "iss_withholding"), "iss_withholding: de MEI não se retém ISS (E0583)"
    if told.get("special_regime") not in NO_SPECIAL_REGIME:
        yield (*at, "special_regime"), "special_regime: MEI não tem regime especial (E0174)"
    for name in ("withholdings", "own_pis_cofins", "pis_cofins_situation"):
        if _says_federal(told, name):
            yield (*at, name), f"{name}: MEI não informa tributos federais (E0676)"
    if told.get("pis_cofins_withholding") not in (None, "omit"):
        name = "pis_cofins_withholding"
        yield (*at, name), f"{name}: MEI não informa tributos federais (E0676)"
    if _apportioned(told) is not None:
        yield (*at, "extras"), f"extras: MEI não informa {APPORTIONED} (E0162)"


def _says_federal(told: Told, name: str) -> bool:
    value = told.get(name)
    if name != "withholdings":
        return value is not None
    return any(part_of(told, name).get(tax) is not None for tax in FEDERAL)


def _told_by_simples(at: Field, told: Told, whole: Told) -> Iterator[Misfit]:
    withheld = whole.get("iss_withheld") is True or whole.get("iss_withholding") in _COMPANIES
    if withheld and _too_low(whole.get("iss_rate")):
        said = "iss_rate: no Simples, com ISS retido, é obrigatória e de 1.80 ou mais (E0621)"
        yield (*at, "iss_rate"), said
    if (
        told.get("special_regime") not in NO_SPECIAL_REGIME
        and _apportioned(whole) == ALL_IN_SIMPLES
    ):
        said = "special_regime: não vale com tudo no Simples (E0175)"
        yield (*at, "special_regime"), said


def _too_low(rate: object) -> bool:
    """Say whether a rate is missing or too low; what is none is left to its own check."""
    if rate is None:
        return True
    bare = str(rate).replace(".", "", 1)
    return bare.isdecimal() and Decimal(str(rate)) < LOWEST_WITHHELD


def _apportioned(told: Told) -> Any:
    extras = part_of(told, "extras")
    return next(
        (text for name, text in extras.items() if name.lower() == APPORTIONED.lower()), None
    )


def regime_warnings(rule: "Rule", seller: "Seller | None") -> Iterator[RuleWarning]:
    """Name what is unusual for the regime a rule states, or other than the company's own."""
    stated = rule.regime
    if stated is None:
        return
    registered = seller.regime if seller is not None else None
    if registered not in (None, stated):
        said = (
            f"a regra diz {NAMES[stated]}, e o cadastro no emissor, {NAMES[registered or stated]}"
        )
        yield _ask(
            "regime_differs",
            "regime",
            f"regime: {said} (E0160). Se está certo, confirme.",
        )
    if stated == "simples":
        yield from _unusual_for_simples(rule)


def _unusual_for_simples(rule: "Rule") -> Iterator[RuleWarning]:
    layers = {("service",): rule.service} | {
        (name, product): own for name in SERVICES for product, own in getattr(rule, name).items()
    }
    for at, service in layers.items():
        rates = service.withholdings
        if rates is not None and any((rates.pis, rates.cofins, rates.csll, rates.irrf)):
            yield _ask(
                "simples_federal_withheld",
                ".".join((*at, "withholdings")),
                "withholdings: de empresa do Simples em regra não se retém IRRF, PIS,"
                " COFINS nem CSLL. Se está certo, confirme.",
            )


def _ask(code: str, field: str, message: str) -> RuleWarning:
    return RuleWarning(code=code, field=field, message=message)
