"""A product's own service, as a part of the rule's page: shown, and read from its form. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.panel.kit.forms import TypedForm
from services.panel.show.rule_beyond import PRODUCTS, of_product
from services.panel.texts import text
from shared.domain.rule import Rule, ServiceRule

# The form's name of what a service calls otherwise; `iss_withheld` is a box.
SERVICE_FIELDS: Final[Mapping[str, str]] = {
    "municipal_code": "p_municipal",
    "lc116": "p_lc116",
    "iss_rate": "p_aliquota",
    "cnae": "p_cnae",
    "nbs": "p_nbs",
    "national_code": "p_nacional",
}
WITHHELD: Final = "p_retido"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceShown:
    """One product's own service: by which word the product is known, and what its fields hold."""

    by: str
    product: str
    said: str
    fields: Mapping[str, str]
    withheld: bool

    @property
    def name(self) -> str:
        """What it is called where it is changed."""
        return self.product

    @property
    def mark(self) -> str:
        """Which one of a rule, as an address and a form name it."""
        return f"{self.by}:{self.product}"


def services_shown(rule: Rule) -> list[ServiceShown]:
    """Every product's own service, in the order in which they are asked."""
    return [
        _shown(by, product, service)
        for by, name in PRODUCTS.items()
        for product, service in getattr(rule, name).items()
    ]


def plain_service(rule: Rule) -> ServiceShown:
    """The rule's own service, from which a new product's is begun."""
    return _shown("code", "", rule.service)


def with_service(rule: Rule, form: TypedForm) -> dict[str, Any] | TypedForm:
    """A rule as JSON with a product's own service; or the form with what is wrong.

    What the form does not show of one that is changed stays.
    """
    by, product = form["p_por"], form["p_produto"]
    if by not in PRODUCTS or not product:
        return form.wrong(p_produto=text("services.no_product"))
    before_by, _, before = form["p_antes"].partition(":")
    told = rule.model_dump(mode="json", by_alias=True)
    known = told.get(PRODUCTS.get(before_by, ""), {})
    service = known.get(before, {}) | {
        name: _value(name, form[field]) for name, field in SERVICE_FIELDS.items()
    }
    service["iss_withheld"] = form.has(WITHHELD)
    if (before_by, before) != (by, product):
        known.pop(before, None)
    told[PRODUCTS[by]][product] = service
    return told


def without_service(rule: Rule, mark: str) -> dict[str, Any]:
    """A rule as JSON in which a product has no service of its own any more."""
    by, _, product = mark.partition(":")
    told = rule.model_dump(mode="json", by_alias=True)
    told.get(PRODUCTS.get(by, ""), {}).pop(product, None)
    return told


def field_of_service(place: Sequence[int | str]) -> str:
    """The form's field for a place of a rule's services of products."""
    name = next((str(one) for one in reversed(place) if one in SERVICE_FIELDS), "")
    return SERVICE_FIELDS.get(name, "p_produto")


def _shown(by: str, product: str, service: ServiceRule) -> ServiceShown:
    values = {name: getattr(service, name) or "" for name in SERVICE_FIELDS}
    values["iss_rate"] = values["iss_rate"].replace(".", ",")
    return ServiceShown(
        by=by,
        product=product,
        said=of_product(by, product, service),
        fields={SERVICE_FIELDS[name]: value for name, value in values.items()},
        withheld=service.iss_withheld,
    )


def _value(name: str, typed: str) -> str | None:
    plain = typed.replace("%", "").replace(",", ".") if name == "iss_rate" else typed
    return plain.strip() or None
