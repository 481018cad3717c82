"""Combinations in a rule that cannot be meant: each with its field, all of them at once.

Works on a rule as it was told (JSON), so that it speaks beside what is wrong with single fields;
what does not have the right shape is left to those.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from shared.domain.rule_texts import text_problems
from shared.domain.service_checks import service_problems
from shared.domain.told import Field, Told, part_of

_LISTS: Final = ("product_code", "plan_code", "payment_method_code", "customer_code")


class Impossible(Struct, frozen=True, kw_only=True):
    """What cannot be, and the field where it is mended."""

    field: Field
    message: str


def impossible(rule: Told) -> list[Impossible]:
    """Name every combination of a rule that cannot be meant."""
    return [
        Impossible(field=field, message=message)
        for found in (
            _guarantee(rule),
            _exceptions(rule),
            _address(rule),
            _refunds(rule),
            service_problems(rule),
            text_problems(rule),
            _seller_city(rule),
        )
        for field, message in found
    ]


def impossible_in(told: Told, name: str) -> list[Impossible]:
    """The same for a rule that is a part of something, in its terms."""
    return [
        Impossible(field=(name, *one.field), message=one.message)
        for one in impossible(part_of(told, name))
    ]


def _guarantee(rule: Told) -> Iterator[tuple[Field, str]]:
    days = rule.get("guarantee_days")
    if rule.get("issue_when") == "guarantee_ended" and days is None:
        yield ("guarantee_days",), "guarantee_days: é obrigatório com issue_when guarantee_ended"
    for number, exception in _numbered(rule):
        own, when = exception.get("guarantee_days"), exception.get("issue_when")
        field = ("exceptions", number, "guarantee_days")
        if when == "guarantee_ended" and own is None and days is None:
            yield field, "guarantee_days: é obrigatório aqui ou na regra"
        if when not in (None, "guarantee_ended") and own is not None:
            yield field, "guarantee_days: só vale com issue_when guarantee_ended"


def _exceptions(rule: Told) -> Iterator[tuple[Field, str]]:
    before: list[tuple[int, _Wanted]] = []
    for number, exception in _numbered(rule):
        wanted = _wanted(part_of(exception, "if"))
        for name, codes in zip(_LISTS, wanted.codes, strict=True):
            if any(not code.strip() for code in codes):
                yield (
                    ("exceptions", number, "if", name),
                    f"{name}: um código vazio não corresponde a nada",
                )
        first = next((earlier for earlier, other in before if other.covers(wanted)), None)
        if first is not None:
            yield (
                ("exceptions", number, "if"),
                f"if: nunca é alcançada: exceptions.{first}, que vem antes, já cobre tudo",
            )
        before.append((number, wanted))


class _Wanted(Struct, frozen=True):
    cycle: str
    codes: tuple[frozenset[str], ...]

    def covers(self, later: "_Wanted") -> bool:
        """Whether whatever matches the later conditions matches these."""
        return self.cycle in ("any", later.cycle) and all(
            not mine or (theirs and theirs <= mine)
            for mine, theirs in zip(self.codes, later.codes, strict=True)
        )


def _wanted(told: Told) -> _Wanted:
    cycle = told.get("cycle", "any")
    codes = tuple(frozenset(_list(told, name)) for name in _LISTS)
    return _Wanted(cycle if isinstance(cycle, str) else "any", codes)


def _address(rule: Told) -> Iterator[tuple[Field, str]]:
    if rule.get("customer_address_incomplete") != "default_address":
        return
    if rule.get("default_address") is None:
        yield (
            ("default_address",),
            "default_address: é obrigatório com customer_address_incomplete default_address",
        )


def _refunds(rule: Told) -> Iterator[tuple[Field, str]]:
    policy = part_of(rule, "refunds")
    if rule.get("cancel_on_refund") is False:
        for name in ("full", "bill_canceled"):
            if policy.get(name) == "cancel":
                yield (
                    ("refunds", name),
                    f"{name}: cancel_on_refund diz que nada é cancelado por isso",
                )
    window = policy.get("city_window")
    if isinstance(window, Mapping):
        limits = [window.get("days_after_issue"), window.get("until_day")]
        if limits.count(None) != 1:
            yield (
                ("refunds", "city_window"),
                "city_window: informe days_after_issue ou until_day, e só um deles",
            )


def _seller_city(rule: Told) -> Iterator[tuple[Field, str]]:
    layers = [rule.get("service")]
    for name in ("services_by_product_code", "customers"):
        layers += part_of(rule, name).values()
    policies = {one.get("iss_withholding") for one in layers if isinstance(one, Mapping)}
    if "companies_of_same_city" in policies and rule.get("seller_city") is None:
        yield (
            ("seller_city",),
            "seller_city: é obrigatório com iss_withholding companies_of_same_city",
        )


def _numbered(rule: Told) -> Iterator[tuple[int, Told]]:
    told = rule.get("exceptions")
    for number, exception in enumerate(told if isinstance(told, list) else ()):
        if isinstance(exception, Mapping):
            yield number, exception


def _list(told: Told, name: str) -> list[str]:
    values = told.get(name)
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []
