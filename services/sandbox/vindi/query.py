"""Vindi's query language: text to tree, tree to predicate."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.sandbox.vindi.times import end_of, read_money, start_of

Kind = Literal["number", "money", "time", "text"]


class QueryRefusedError(Exception):
    """The query, or its use of `field`, is refused; `reason` is for people."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison."""

    field: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: "Tree"


@dataclass(frozen=True, slots=True)
class And:
    """All of them; none of them is true."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple["Tree", ...]


Tree = Term | Not | And | Or
EVERYTHING = And(())


@dataclass(frozen=True, slots=True)
class Field:
    """A searchable field: its kind, and how to read it from a row.

    A time is read in milliseconds and compared in whole seconds, as Vindi stores them.
    """

    kind: Kind
    get: Callable[[Any], Any]


_TOKEN = re.compile(
    r"""\s*(?:(?P<open>-?\() | (?P<close>\)) | (?P<word>AND|OR|NOT)(?=[\s(]) |
    (?P<neg>-?)(?P<field>[A-Za-z_]\w*)\s*(?P<op>>=|<=|=|>|<|:)\s*
    (?P<value>"[^"]*"|[^\s()"]+))""",
    re.VERBOSE | re.IGNORECASE,
)


# What bulk readers send all day: `id=1 OR id=2 OR id=3`.
_ANY_OF = re.compile(r"([a-z_]+)=[0-9]+(?: OR \1=[0-9]+)+")


def parse(text: str) -> Tree:
    """Read a query; raises QueryRefusedError."""
    if any_of := _ANY_OF.fullmatch(text):
        name = any_of[1]
        return Or(tuple(Term(name, "=", value) for value in re.findall("[0-9]+", text)))
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Tree:
        if not self._tokens:
            return EVERYTHING
        tree = self._or()
        if self._at < len(self._tokens):
            raise QueryRefusedError("query", "parêntese sem par")
        return tree

    def _or(self) -> Tree:
        parts = [self._and()]
        while self._word("OR"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Tree:
        parts = [self._not()]
        while self._word("AND") or self._starts_term():
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Tree:
        if self._word("NOT"):
            return Not(self._not())
        token = self._next()
        if token["open"]:
            tree = self._or()
            if self._at >= len(self._tokens) or not self._next()["close"]:
                raise QueryRefusedError("query", "parêntese não fechado")
            return Not(tree) if token["open"][0] == "-" else tree
        if not token["field"]:
            raise QueryRefusedError("query", "termo esperado")
        term = Term(token["field"].lower(), token["op"], token["value"].strip('"'))
        return Not(term) if token["neg"] else term

    def _word(self, word: str) -> bool:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or (token["word"] or "").upper() != word:
            return False
        self._at += 1
        return True

    def _starts_term(self) -> bool:
        if self._at >= len(self._tokens):
            return False
        token = self._tokens[self._at]
        return bool(token["field"] or token["open"] or (token["word"] or "").upper() == "NOT")

    def _next(self) -> re.Match[str]:
        if self._at >= len(self._tokens):
            raise QueryRefusedError("query", "consulta incompleta")
        self._at += 1
        return self._tokens[self._at - 1]


def _tokens(text: str) -> Collection[re.Match[str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise QueryRefusedError("query", "consulta inválida")
        found.append(match)
        at = match.end()
    return found


def without(tree: Tree, ignored: Collection[str]) -> Tree:
    """Drop the terms of ignored fields, as a server that does not know them would."""
    match tree:
        case Term():
            return EVERYTHING if tree.field in ignored or "all" in ignored else tree
        case Not():
            inner = without(tree.part, ignored)
            return EVERYTHING if inner == EVERYTHING else Not(inner)
        case And():
            return And(tuple(without(part, ignored) for part in tree.parts))
        case Or():
            return Or(tuple(without(part, ignored) for part in tree.parts))


def without_or(tree: Tree) -> Tree:
    """Drop whatever is told by OR, as a server that knows only AND might."""
    match tree:
        case Or():
            return EVERYTHING
        case And():
            return And(tuple(without_or(part) for part in tree.parts))
        case _:
            return tree


def fields_of(tree: Tree) -> set[str]:
    """Name the fields a query uses."""
    match tree:
        case Term():
            return {tree.field}
        case Not():
            return fields_of(tree.part)
        case And() | Or():
            return set().union(*(fields_of(part) for part in tree.parts))


def span_of(term: Term, zone: ZoneInfo) -> tuple[int, int]:
    """Give the first and last second (Unix) that a time term allows, both included."""
    first, last = _moment(term, zone)
    match term.op:
        case "=":
            return first, last
        case ">=":
            return first, 2**62
        case ">":
            return last + 1, 2**62
        case "<=":
            return -(2**62), last
        case "<":
            return -(2**62), first - 1
        case _:
            raise QueryRefusedError(term.field, "operador não permitido em data")


def _moment(term: Term, zone: ZoneInfo) -> tuple[int, int]:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", term.value):
            day = date.fromisoformat(term.value)
            return start_of(day, zone) // 1000, end_of(day, zone) // 1000
        if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", term.value):
            second = int(datetime.fromisoformat(term.value).replace(tzinfo=zone).timestamp())
            return second, second
    except (ValueError, OverflowError):
        pass
    raise QueryRefusedError(term.field, "data inválida")


def predicate(tree: Tree, fields: Mapping[str, Field], zone: ZoneInfo) -> Callable[[Any], bool]:
    """Make a test for rows; raises QueryRefusedError for an unknown field or a bad value."""
    match tree:
        case Term():
            return _term(tree, fields, zone)
        case Not():
            inner = predicate(tree.part, fields, zone)
            return lambda row: not inner(row)
        case And():
            tests = [predicate(part, fields, zone) for part in tree.parts]
            return lambda row: all(test(row) for test in tests)
        case Or():
            tests = [predicate(part, fields, zone) for part in tree.parts]
            return lambda row: any(test(row) for test in tests)


def _term(term: Term, fields: Mapping[str, Field], zone: ZoneInfo) -> Callable[[Any], bool]:
    field = fields.get(term.field)
    if field is None:
        raise QueryRefusedError(term.field, "campo desconhecido")
    if field.kind == "time":
        return _time_test(field, *span_of(term, zone))
    if term.op == ":":
        return _contains(term, field)
    if field.kind == "text":
        return _compare(field.get, term.op, term.value, str)
    try:
        wanted = read_money(term.value) if field.kind == "money" else int(term.value)
    except ValueError as error:
        raise QueryRefusedError(term.field, "número inválido") from error
    return _compare(field.get, term.op, wanted, int)


def _time_test(field: Field, first: int, last: int) -> Callable[[Any], bool]:
    def test(row: Any) -> bool:
        instant = field.get(row)
        return instant is not None and first <= instant // 1000 <= last

    return test


def _contains(term: Term, field: Field) -> Callable[[Any], bool]:
    if field.kind != "text" or term.field in {"code", "registry_code", "email"}:
        raise QueryRefusedError(term.field, "use = neste campo")
    needle = plain(term.value)
    return lambda row: needle in plain(str(field.get(row) or ""))


def plain(text: str) -> str:
    """Fold case and drop accents."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(c for c in split if not unicodedata.combining(c)).casefold()


def _compare(
    get: Callable[[Any], Any], op: str, wanted: Any, kind: type[Any]
) -> Callable[[Any], bool]:
    def test(row: Any) -> bool:
        found = get(row)
        if found is None:
            return False
        found = kind(found)
        match op:
            case "=":
                return bool(found == wanted)
            case ">":
                return bool(found > wanted)
            case ">=":
                return bool(found >= wanted)
            case "<":
                return bool(found < wanted)
            case _:
                return bool(found <= wanted)

    return test
