"""Vindi's search language: `field operator value`, AND, OR, NOT and brackets.

Source: the working reference of Vindi's API, sections 3.3 and 3.4.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.outside.vindi.records import BRASILIA, Record

FIELDS = {
    "bill": "id code installments period_id subscription_id customer_id amount status "
    "payment_method_id seen_at due_at billing_at created_at updated_at",
    "charge": "id customer_id bill_id amount payment_method_id due_at paid_at installments "
    "attempt_count next_attempt status created_at updated_at",
    "transaction": "id customer_id charge_id gateway_id connector payment_method_id "
    "transaction_type amount installments status import_batch_id export_batch_id "
    "gateway_authorization gateway_transaction_id fraud_detector_score fraud_detector_status "
    "fraud_detector_id created_at updated_at",
    "customer": "id name status code email registry_code created_at updated_at",
    "product": "id name code status invoice unit pricing_schema_id schema_type price created_at "
    "updated_at",
    "invoice": "id created_at updated_at",
}

Test = Callable[[Record], bool]

TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))
      |(?P<word>AND|OR|NOT)(?=[\s(])
      |(?P<term>-?[A-Za-z_]+\s*(?:>=|<=|=|>|<|:)\s*(?:"[^"]*"|[^\s()]+)))""",
    re.VERBOSE | re.IGNORECASE,
)
TERM = re.compile(r'(-?)([A-Za-z_]+)\s*(>=|<=|=|>|<|:)\s*(?:"([^"]*)"|(\S+))')


class Refused(Exception):
    """Vindi would answer 422."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One list's search: which fields there are, and which of them are not listened to."""

    kind: str
    zone: str
    unknown: str
    ignored: tuple[str, ...]
    refuses: tuple[str, ...] = ()

    def read(self, text: str) -> Test:
        tokens = _tokens(text)
        test = self._either(tokens)
        if tokens:
            raise Refused(f"left over: {tokens}")
        return test

    def _either(self, tokens: list[tuple[str, str]]) -> Test:
        tests = [self._both(tokens)]
        while tokens and tokens[0] == ("word", "OR"):
            tokens.pop(0)
            tests.append(self._both(tokens))
        return lambda row: any(test(row) for test in tests)

    def _both(self, tokens: list[tuple[str, str]]) -> Test:
        tests = [self._one(tokens)]
        while tokens and tokens[0] != ("word", "OR") and tokens[0][0] != "close":
            if tokens[0] == ("word", "AND"):
                tokens.pop(0)
            tests.append(self._one(tokens))
        return lambda row: all(test(row) for test in tests)

    def _one(self, tokens: list[tuple[str, str]]) -> Test:
        if not tokens:
            raise Refused("ends too early")
        kind, text = tokens.pop(0)
        if kind == "open":
            inner = self._either(tokens)
            if not tokens or tokens.pop(0)[0] != "close":
                raise Refused("a bracket is left open")
            return inner
        if (kind, text) == ("word", "NOT"):
            inner = self._one(tokens)
            return lambda row: not inner(row)
        if kind != "term":
            raise Refused(f"unexpected {text!r}")
        return self._term(text)

    def _term(self, text: str) -> Test:
        found = TERM.fullmatch(text)
        assert found is not None
        minus, name, operator, quoted, bare = found.groups()
        if name not in FIELDS[self.kind].split():
            if self.unknown == "refused":
                raise Refused(f"unknown field {name}")
            return lambda _row: True
        if name in self.refuses:
            raise Refused(f"{name} is no filter")
        if name in self.ignored:
            return lambda _row: True
        test = _comparison(name, operator, quoted if quoted is not None else bare, self.zone)
        return (lambda row: not test(row)) if minus else test


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if match is None:
            raise Refused(f"cannot be read: {text[place:]!r}")
        kind = match.lastgroup or ""
        value = match.group(kind).strip()
        found.append((kind, value.upper() if kind == "word" else value))
        place = match.end()
    return found


def _comparison(name: str, operator: str, text: str, zone: str) -> Test:
    if name.endswith("_at") or name == "next_attempt":
        return _by_time(name, operator, text, zone)
    if operator == ":":
        return lambda row: text.lower() in str(field_of(row, name) or "").lower()

    def test(row: Record) -> bool:
        value = field_of(row, name)
        wanted: Any = text
        if isinstance(value, int | Decimal):
            try:
                wanted = type(value)(text)
            except (InvalidOperation, ValueError):
                raise Refused(f"{name} is a number") from None
        return type(value) is type(wanted) and _holds(value, operator, wanted)

    return test


def _by_time(name: str, operator: str, text: str, zone: str) -> Test:
    day = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
    if not day and not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text):
        raise Refused(f"no date: {text!r}")
    written = datetime.fromisoformat(text)
    start = written.replace(tzinfo=UTC if zone == "utc" else BRASILIA)
    end = start + (timedelta(days=1) if day else timedelta(seconds=1))

    def test(row: Record) -> bool:
        value = field_of(row, name)
        if not isinstance(value, datetime):
            return False
        value = value.replace(microsecond=0)  # stored to the second
        match operator:
            case "=":
                return bool(start <= value < end)
            case ">=":
                return bool(value >= start)
            case "<=":
                return bool(value < end)
            case ">":
                return bool(value >= end)
            case _:
                return bool(value < start)

    return test


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    match operator:
        case "=":
            return bool(value == wanted)
        case ">=":
            return bool(value >= wanted)
        case "<=":
            return bool(value <= wanted)
        case ">":
            return bool(value > wanted)
        case _:
            return bool(value < wanted)


def field_of(row: Record, name: str) -> Any:
    """A searched field's value: `bill_id` is `bill.id`."""
    if name.endswith("_id") and name not in row:
        inner = row.get(name.removesuffix("_id"))
        return inner.get("id") if isinstance(inner, dict) else None
    return row.get(name)
