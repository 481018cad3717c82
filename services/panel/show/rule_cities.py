"""What cities demand, as a part of the rule's page: shown, and read from its form. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.panel.kit.forms import TypedForm
from services.panel.show.rule_beyond import BUYER, demands
from services.panel.texts import text
from shared.domain.cities import UFS, city_named, find_city
from shared.domain.fields.stated import CityDemands
from shared.domain.rule import Rule

STATES: Final = tuple((state, state) for state in sorted(UFS))
RATES: Final = ("", "required", "forbidden")
# The form's name of what one city's part of a rule calls otherwise.
CITY_FIELDS: Final[Mapping[str, str]] = {
    "iss_rate": "c_aliquota",
    "iss_rate_least": "c_menor",
    "iss_rate_most": "c_maior",
    "buyer": "c_comprador",
}
_SAID: Final = {"iss_rate": "cities.no_limits", "iss_rate_least": "cities.least_over_most"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CityShown:
    """One city of a rule: by its code at IBGE, what it demands as words and as fields."""

    mark: str
    name: str
    said: str
    fields: Mapping[str, str]
    buyer: tuple[str, ...]


def cities_shown(rule: Rule) -> list[CityShown]:
    """Every city that the rule names, by name."""
    found = [_shown(code, of) for code, of in rule.cities.items()]
    return sorted(found, key=lambda one: one.name)


def buyer_choices() -> list[tuple[str, str]]:
    """What a city may demand of the customer's data, with its label."""
    return [(word, label[:1].upper() + label[1:]) for word, label in BUYER.items()]


def with_city(rule: Rule, form: TypedForm) -> dict[str, Any] | TypedForm:
    """A rule as JSON with what the form says of a city; or the form with what is wrong."""
    code = find_city(form["c_cidade"], form["c_estado"])
    if code is None:
        return form.wrong(c_cidade=text("cities.unknown"))
    said = {
        "iss_rate": form["c_aliquota"] or None,
        "iss_rate_least": _rate(form["c_menor"]),
        "iss_rate_most": _rate(form["c_maior"]),
        "buyer": list(form.all("c_comprador")),
    }
    if not any(said.values()):
        return form.wrong(c_aliquota=text("cities.nothing"))
    told = without_city(rule, form["c_antes"])
    told["cities"][code] = said
    return told


def without_city(rule: Rule, code: str) -> dict[str, Any]:
    """A rule as JSON that says nothing of a city any more."""
    told = rule.model_dump(mode="json", by_alias=True)
    told["cities"].pop(code, None)
    return told


def wrong_of_city(place: Sequence[int | str], said: str) -> tuple[str, str]:
    """Field and words of what is wrong at a place of a rule's cities."""
    name = next((str(one) for one in place if one in CITY_FIELDS), "")
    words = text(_SAID[name]) if name in _SAID and " que " in said else said
    return CITY_FIELDS.get(name, "c_cidade"), words


def _shown(code: str, of: CityDemands) -> CityShown:
    name = city_named(code) or code
    return CityShown(
        mark=code,
        name=name,
        said=f"{name}: {demands(of)}.",
        fields={
            "cidade": name.rpartition("/")[0] or name,
            "estado": name.rpartition("/")[2],
            "aliquota": of.iss_rate or "",
            "menor": (of.iss_rate_least or "").replace(".", ","),
            "maior": (of.iss_rate_most or "").replace(".", ","),
        },
        buyer=of.buyer,
    )


def _rate(typed: str) -> str | None:
    return typed.replace("%", "").replace(",", ".").strip() or None
