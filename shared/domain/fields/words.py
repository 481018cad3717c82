"""The word of each field that an issuer may take or not: in a rule, and on a nota.

An issuer says by these words which it takes (`Capabilities.fields`).
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

from shared.domain.fields.stated import NotaFields, stated
from shared.domain.nota import NotaDraft
from shared.domain.rule import Rule
from shared.domain.service_checks import SERVICES

# Names of the rule that are another field's on the nota; any other is its own word.
_NAMED: Final = {
    "show_discounts": "discounts",
    "discount_kind": "discounts",
    "deduction_rate": "deductions",
    "approximate_taxes": "observations",
    "nif": "foreign_buyer",
    "without_nif": "foreign_buyer",
    "foreign_trade": "extras",
}
# What every issuer takes: the flag of ISS withheld, and who it is for.
_EVERYWHERE: Final = frozenset({"iss_withholding", "iss_withheld"})
WORDS: Final = frozenset(
    {
        *(_NAMED.get(name, name) for name in NotaFields.model_fields),
        "municipal_registration",
        "foreign_buyer",
    }
    - _EVERYWHERE
)


def untaken_by(rule: Rule, takes: Collection[str]) -> list[tuple[tuple[str, ...], str]]:
    """The fields of a rule that an issuer lacks: where each stands, and its word."""
    if set(takes) >= WORDS:
        return []
    return [(place, word) for place, word in _words_of(rule) if word not in takes]


def untaken_of(draft: NotaDraft, takes: Collection[str]) -> list[str]:
    """The words of what a nota says and an issuer lacks."""
    return sorted(word for word, said in _said_by(draft).items() if said and word not in takes)


def _words_of(rule: Rule) -> Iterator[tuple[tuple[str, ...], str]]:
    layers: list[tuple[tuple[str, ...], NotaFields]] = [(("service",), rule.service)]
    layers += [
        ((name, product), own) for name in SERVICES for product, own in getattr(rule, name).items()
    ]
    layers += [(("customers", code), own) for code, own in rule.customers.items()]
    for place, fields in layers:
        for name in stated(fields):
            if name not in _EVERYWHERE:
                yield (*place, name), _NAMED.get(name, name)
    if rule.customer_foreign == "issue":
        yield ("customer_foreign",), "foreign_buyer"


def _said_by(draft: NotaDraft) -> dict[str, Any]:
    service, withheld = draft.service, draft.withheld
    federal = withheld and withheld.whole - withheld.iss
    return {
        "withholdings": federal,
        "pis_cofins_situation": service.pis_cofins_situation,
        "pis_cofins_withholding": service.pis_cofins_withholding,
        "own_pis_cofins": service.own_pis_cofins,
        "place": service.place,
        "export": service.export is not None,
        "nature": draft.nature,
        "special_regime": service.special_regime,
        "immunity": service.immunity,
        "suspension": service.suspension,
        "final_consumer": draft.final_consumer is not None,
        "deductions": draft.deductions,
        "discounts": draft.discount or draft.conditional_discount,
        "observations": draft.observations,
        "rps_series": draft.rps_series,
        "rps_number": draft.numbered,
        "more_emails": draft.more_emails,
        "city_text": service.city_text,
        "internal_code": service.internal_code,
        "extras": draft.extras,
        "municipal_registration": draft.tomador.municipal_registration,
        "foreign_buyer": draft.tomador.foreign,
    }
