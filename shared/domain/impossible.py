"""Combinations in a rule that cannot be meant: each with its field, all of them at once.

Works on a rule as it was told (JSON), so that it speaks beside what is wrong with single fields;
what does not have the right shape is left to those.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from shared.domain.field_checks import field_problems
from shared.domain.patterns import ANY, fits, plain
from shared.domain.regime import regime_problems
from shared.domain.rule_texts import text_problems
from shared.domain.service_checks import SERVICES, service_problems
from shared.domain.told import Field, Told, part_of

_CODES: Final = ("product_code", "plan_code", "payment_method_code", "customer_code")
_NAMES: Final = ("product_name", "plan_name")
_IDS: Final = ("product_id", "plan_id")
_LISTS: Final = (*_CODES, *_IDS, *_NAMES)
# Comparisons of one exception with an earlier one. A rule of thousands that overlap in every way
# is taken without a word about the rest: the word is a help, and nobody else may wait for it.
_MOST_COMPARISONS: Final = 50_000
_MOST_FITS: Final = 50_000  # patterns tried on names, within all comparisons; some 0.1 s


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
            _rps_series(rule),
            regime_problems(rule),
            field_problems(rule),
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
    before = _Earlier()
    for number, exception in _numbered(rule):
        told = part_of(exception, "if")
        for name in _CODES:
            if any(not code.strip() for code in _list(told, name)):
                yield (
                    ("exceptions", number, "if", name),
                    f"{name}: um código vazio não corresponde a nada",
                )
        wanted = _wanted(told)
        first = before.first_that_covers(wanted)
        if first is None:
            before.add(number, wanted)
        else:
            yield (
                ("exceptions", number, "if"),
                f"if: nunca é alcançada: exceptions.{first}, que vem antes, já cobre tudo",
            )


class _Wanted(Struct, frozen=True):
    cycle: str
    lists: Mapping[str, frozenset[str]]  # those that are not empty

    def covers(self, later: "_Wanted") -> bool:
        """Whether whatever matches the later conditions matches these."""
        return self.cycle in ("any", later.cycle) and all(
            _holds(name, mine, later.lists.get(name, frozenset()))
            for name, mine in self.lists.items()
        )


def _holds(name: str, mine: frozenset[str], theirs: frozenset[str]) -> bool:
    if not theirs:
        return False
    if name not in _NAMES:
        return theirs <= mine
    return all(their in mine or any(fits(one, their) for one in mine) for their in theirs)


def _fits_tried(mine: _Wanted, theirs: _Wanted) -> int:
    """The most patterns that are tried on names when the one is compared with the other."""
    return sum(len(mine.lists.get(name, ())) * len(theirs.lists.get(name, ())) for name in _NAMES)


class _Earlier:
    """Exceptions that are reached, each filed under one of its lists, by every value of it.

    One that is covered itself is left out: whatever it covers, its own cover covers.
    """

    def __init__(self) -> None:
        self._everywhere: list[tuple[int, _Wanted]] = []
        self._filed: dict[tuple[str, str], list[tuple[int, _Wanted]]] = defaultdict(list)
        self._compared = 0
        self._tried = 0

    def add(self, number: int, wanted: _Wanted) -> None:
        """File an exception where the fewest are."""
        exact = [name for name, values in wanted.lists.items() if not _open(name, values)]
        if not exact:
            self._everywhere.append((number, wanted))
            return
        keys = min((self._keys(wanted, name) for name in exact), key=self._most)
        for key in keys:
            self._filed[key].append((number, wanted))

    def first_that_covers(self, wanted: _Wanted) -> int | None:
        """The first exception that leaves nothing to these conditions; None if they are reached."""
        found = (
            number
            for number, other in self._candidates(wanted)
            if self._bearable(other, wanted) and other.covers(wanted)
        )
        return min(found, default=None)

    def _bearable(self, other: _Wanted, wanted: _Wanted) -> bool:
        tried = _fits_tried(other, wanted)
        if self._tried + tried > _MOST_FITS:
            return False
        self._tried += tried
        return True

    def _candidates(self, wanted: _Wanted) -> Iterator[tuple[int, _Wanted]]:
        # What covers a list holds every value of it: the rarest leads to the fewest.
        rarest = [
            min((self._filed.get(key, []) for key in self._keys(wanted, name)), key=len)
            for name in wanted.lists
        ]
        for one in (self._everywhere, *rarest):
            self._compared += len(one)
            if self._compared <= _MOST_COMPARISONS:
                yield from one

    def _keys(self, wanted: _Wanted, name: str) -> list[tuple[str, str]]:
        return [(name, value) for value in wanted.lists[name]]

    def _most(self, keys: list[tuple[str, str]]) -> int:
        return max(len(self._filed.get(key, [])) for key in keys)


def _open(name: str, values: frozenset[str]) -> bool:
    """Say whether a list holds more than its own values: a pattern covers others."""
    return name in _NAMES and any(ANY in value for value in values)


def _wanted(told: Told) -> _Wanted:
    cycle = told.get("cycle", "any")
    lists = {name: frozenset(_list(told, name)) for name in _LISTS}
    return _Wanted(
        cycle if isinstance(cycle, str) else "any",
        {name: values for name, values in lists.items() if values},
    )


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
    # A list: what was told may be anything, also what no set holds.
    policies = [told.get("iss_withholding") for _, told in _layers(rule)]
    if "companies_of_same_city" in policies and rule.get("seller_city") is None:
        yield (
            ("seller_city",),
            "seller_city: é obrigatório com iss_withholding companies_of_same_city",
        )


def _rps_series(rule: Told) -> Iterator[tuple[Field, str]]:
    layers = list(_layers(rule))
    for place, told in layers:
        if told.get("rps_number") != "sequence" or told.get("rps_series") is not None:
            continue
        # A product's takes the rule's series, a customer's that of whatever it buys.
        under = [other for at, other in layers if place[0] == "customers" or at == ("service",)]
        if all(other.get("rps_series") is None for other in under):
            yield (*place, "rps_series"), "rps_series: é obrigatória com rps_number sequence"


def _layers(rule: Told) -> Iterator[tuple[Field, Told]]:
    """Every place where fields of a nota are stated."""
    yield ("service",), part_of(rule, "service")
    for name in (*SERVICES, "customers"):
        for key, told in part_of(rule, name).items():
            if isinstance(told, Mapping):
                yield (name, key), told


def _numbered(rule: Told) -> Iterator[tuple[int, Told]]:
    told = rule.get("exceptions")
    for number, exception in enumerate(told if isinstance(told, list) else ()):
        if isinstance(exception, Mapping):
            yield number, exception


def _list(told: Told, name: str) -> list[str]:
    values = told.get(name)
    if not isinstance(values, list):
        return []
    if name in _IDS:
        return [_number(v) for v in values if isinstance(v, int | str)]
    found = [v for v in values if isinstance(v, str)]
    return [plain(value) for value in found] if name in _NAMES else found


def _number(value: int | str) -> str:
    """One of Vindi's numbers: it is the same however it is written."""
    return str(value).lstrip("0")
