"""What the metadata of a bill or a customer at Vindi states of its notas.

Keys begin with `nota_`; capitals, accents, and blanks or dashes in place of `_` do not count.
Values are texts as people type them: "1,5", "1.5 %", "sim", "não". One left empty states nothing,
"nenhum" takes away what was stated before. A key of ours whose value cannot be read holds the sale,
and so does one that nearly is ours, since a tax would silently be another; every other key is none
of our business.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Final

from msgspec import Struct
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.domain.field_checks import is_rate, looks_a_fraction, value_problems
from shared.domain.fields.keys import KEYS, NONE, OF_WORDS, PLAIN, PREFIX, MetadataKey, Path
from shared.domain.fields.nearly import nearly
from shared.domain.fields.stated import CustomerFields, extra_name
from shared.domain.fields.terms import NotaTerms, restated
from shared.domain.told import Misfit

_GROUPS: Final = ("withholdings", "own_pis_cofins", "foreign_trade", "suspension", "extras")
# What the model looks at beyond a field's own type.
_TOGETHER: Final = frozenset({"deductions", "deduction_rate", "rps_number"})
_NO_GROUPS: Final = (None,) * len(_GROUPS)
# Groups that are nothing without any of their parts.
_WHOLE_GROUPS: Final = frozenset({"suspension", "own_pis_cofins"})


class BadMetadata(Struct, frozen=True, kw_only=True):
    """A key whose value cannot be used, and what it should be; the value itself is not told."""

    key: str
    problem: str


# What is longer is too long for any field, and is remembered only so far: thousands are.
LONGEST_KEY: Final = 200
LONGEST_TEXT: Final = 4000
_BETWEEN_WORDS: Final = re.compile(r"[ _-]+")
_REGISTRATION_CHARACTERS: Final = frozenset("0123456789./- ")


def over(before: NotaTerms, metadata: Mapping[str, object]) -> NotaTerms | BadMetadata:
    """The terms with what the metadata states above them."""
    try:
        texts = tuple(_texts(metadata))
    except _UnreadableError as error:
        return error.bad
    if not texts:
        return before
    later = _quickly(texts, before)
    return later if isinstance(later, BadMetadata) else restated(before, later)


def _quickly(texts: Sequence[tuple[str, str]], before: NotaTerms) -> dict[str, Any] | BadMetadata:
    """What texts state: each field by itself, which is remembered, and the others together."""
    later: dict[str, Any] = {}
    others: list[tuple[str, str]] = []
    for key, text in texts:
        name = _alone(key)
        if name is None or name in later:
            others.append((key, text))
            continue
        one = _field_of(key, text)
        if isinstance(one, BadMetadata):
            return one
        later[name] = one.value
    if not others:
        return later
    # A part that is stated completes what is known of its group.
    known = tuple([getattr(before, name) for name in _GROUPS])
    more = _stated(tuple(others), known)
    if isinstance(more, BadMetadata):
        return more
    if later.keys() & more.keys():  # two keys of one field
        return _stated(tuple(texts), known)
    return {**later, **more}


class _UnreadableError(Exception):
    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key)
        self.bad = BadMetadata(key=key, problem=problem)


class _Meant(Struct, frozen=True):
    """What a key with our prefix, or without, is for: a field, an extra, or nearly a field."""

    known: MetadataKey | None = None
    extra: str | None = None
    nearly: str | None = None
    prefixed: bool = True


def _texts(metadata: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The keys that say something to us, with their texts."""
    for key, value in metadata.items():
        if len(key) > LONGEST_KEY:
            continue
        meant = _meant(key)
        if meant is None or value is None or value == "":
            continue
        if not meant.prefixed and not _is_registration(value):
            continue
        if meant.nearly is not None:
            raise _UnreadableError(key, f"a chave não existe; seria {PREFIX}{meant.nearly}?")
        text = value.replace("\x00", "").strip() if type(value) is str else _as_text(key, value)
        if text:
            yield key, text[:LONGEST_TEXT]


@lru_cache(maxsize=4096)  # a shop's keys, of each of its sales
def _meant(key: str) -> _Meant | None:
    """What a key is for; None where it is none of our business."""
    as_typed = key.strip()
    name = _name(as_typed)
    if name in PLAIN:
        return _Meant(known=KEYS[PLAIN[name]], prefixed=False)
    if not name.startswith(PREFIX):
        return None
    name, as_typed = name[len(PREFIX) :], as_typed[len(PREFIX) :]
    if name in KEYS:
        return _Meant(known=KEYS[name])
    try:
        return _Meant(extra=extra_name(as_typed))
    except ValueError:
        found = nearly(name, KEYS)
        return None if found is None else _Meant(nearly=found)


def _name(key: str) -> str:
    """A key as ours are written: small letters without accents, one `_` between words."""
    plain = unicodedata.normalize("NFKD", key.lower()).encode("ascii", "ignore").decode()
    return _BETWEEN_WORDS.sub("_", plain.strip()).rstrip("_") or plain


@lru_cache(maxsize=4096)
def _alone(key: str) -> str | None:
    """The field that a key states the whole of; None where others have a say in it."""
    meant = _meant(key)
    if meant is None or meant.known is None or not meant.prefixed:
        return None
    name = meant.known.path[0]
    return name if len(meant.known.path) == 1 and name not in (*_TOGETHER, *_GROUPS) else None


class _Stated(Struct, frozen=True):
    value: Any


@lru_cache(maxsize=4096)
def _field_of(key: str, text: str) -> _Stated | BadMetadata:
    """What one key states of its own field."""
    stated = _stated_by(((key, text),), _NO_GROUPS)
    return stated if isinstance(stated, BadMetadata) else _Stated(next(iter(stated.values())))


@lru_cache(maxsize=4096)  # most customers that state something state the same
def _stated(
    texts: tuple[tuple[str, str], ...], whole: tuple[Any, ...]
) -> dict[str, Any] | BadMetadata:
    return _stated_by(texts, whole)


def _stated_by(
    texts: tuple[tuple[str, str], ...], whole: tuple[Any, ...]
) -> dict[str, Any] | BadMetadata:
    """What texts state, field by field, or the first that cannot be used.

    `whole` are the groups as they were stated before, in the order of `_GROUPS`.
    """
    try:
        said = _said(texts)
    except _UnreadableError as error:
        return error.bad
    before = dict(zip(_GROUPS, whole, strict=True))
    told = _whole({path: value for path, (_, value) in said.items()}, before)
    if (found := _unfit(told, said)) is not None:
        return found
    try:
        if told.keys() & _TOGETHER:
            fields = CustomerFields.model_validate(told)
            return {name: getattr(fields, name) for name in told}
        return {name: _field(name).validate_python(value) for name, value in told.items()}
    except ValidationError:
        return _refused(told, said)


@cache
def _field(name: str) -> TypeAdapter[Any]:
    """One field as the model has it: the whole of it takes three times as long."""
    told: Any = CustomerFields.model_fields[name].annotation
    return TypeAdapter(told)


def _refused(told: Mapping[str, Any], said: Mapping[Path, tuple[str, Any]]) -> BadMetadata:
    try:
        CustomerFields.model_validate(told)
    except ValidationError as error:
        return _bad(error, said)
    raise AssertionError("a field alone is read as the model reads it")


def _said(texts: Iterable[tuple[str, str]]) -> dict[Path, tuple[str, Any]]:
    """What each key says, by the field it is for; one that says two things is not chosen between.

    A key with our prefix has the word before one without.
    """
    found: dict[Path, tuple[str, Any]] = {}
    for key, text in sorted(texts, key=lambda one: _plain_last(one[0])):
        meant = _meant(key)
        if meant is None:
            continue
        path = meant.known.path if meant.known else ("extras", meant.extra or "")
        try:
            value = _value(meant, text)
        except ValueError as error:
            raise _UnreadableError(key, str(error)) from None
        if path in found:
            other, before = found[path]
            if not meant.prefixed:
                continue
            if path == ("more_emails",):
                value = list(dict.fromkeys([*(before or ()), *(value or ())]))
            elif before != value:
                raise _UnreadableError(key, f"diz outra coisa que {other}")
        found[path] = key, value
    return found


def _plain_last(key: str) -> bool:
    meant = _meant(key)
    return meant is not None and not meant.prefixed


def _value(meant: _Meant, text: str) -> Any:
    known = meant.known
    if known is None:
        return None if text.lower() in NONE else text
    return None if text.lower() in NONE and known.read not in OF_WORDS else known.read(text)


def _unfit(told: Mapping[str, Any], said: Mapping[Path, tuple[str, Any]]) -> BadMetadata | None:
    """What no nota could carry, and rates that were typed as a fraction."""
    for at, problem in chain(value_problems(told, ()), _fractions(told, said)):
        key = _key_of(tuple(str(part) for part in at), said)
        if key is not None:
            named = problem if at[0] == "extras" else problem.partition(": ")[2]
            return BadMetadata(key=key, problem=named or problem)
    return None


def _fractions(told: Mapping[str, Any], said: Collection[Path]) -> Iterator[Misfit]:
    for path in said:
        if path[0] not in ("withholdings", "own_pis_cofins") or len(path) == 1:
            continue
        rate = (told.get(path[0]) or {}).get(path[1])
        if is_rate(rate) and looks_a_fraction(path[1].partition("_")[0], rate):
            yield path, "parece uma fração; informe em porcentagem, como 1,5"


def _key_of(place: Path, said: Mapping[Path, tuple[str, Any]]) -> str | None:
    """The key that says a field, else one of its group."""
    exact = (key for path, (key, _) in said.items() if place[: len(path)] == path)
    near = (key for path, (key, _) in said.items() if place[:1] == path[:1])
    return next(exact, None) or next(near, None)


def _as_text(key: str, value: object) -> str | None:
    """The text of a value; None where it is empty."""
    if isinstance(value, bool):
        return "sim" if value else "não"
    if value is None:
        return None
    if not isinstance(value, str | int | float):
        raise _UnreadableError(key, "deve ser um texto")
    return str(value).replace("\x00", "").strip() or None


def _is_registration(value: object) -> bool:
    text = str(value).strip() if isinstance(value, str | int) else ""
    characters = set(text)
    told = not characters.isdisjoint("123456789")  # zeros alone are written where there is none
    return told and len(text) <= 15 and characters <= _REGISTRATION_CHARACTERS


def _whole(said: Mapping[Path, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as a rule would tell them: parts stated here complete what is known of one."""
    told: dict[str, Any] = {}
    for path, value in sorted(said.items(), key=lambda one: len(one[0])):
        if len(path) == 1:
            told[path[0]] = value
            continue
        if value is None and path[0] in _WHOLE_GROUPS:
            told[path[0]] = None
            continue
        before = known.get(path[0])
        dumped = before.model_dump() if isinstance(before, BaseModel) else dict(before or ())
        group = told.setdefault(path[0], dumped)
        if group is not None:
            group[path[1]] = value
    if "extras" in told:
        told["extras"] = {name: text for name, text in told["extras"].items() if text is not None}
    return told


def _bad(error: ValidationError, said: Mapping[Path, tuple[str, Any]]) -> BadMetadata:
    first = error.errors(include_input=False, include_url=False)[0]
    where = tuple(str(part) for part in first["loc"])
    key = _key_of(where, said) or next(key for key, _ in said.values())
    problem = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else ""
    return BadMetadata(key=key, problem=problem or "o valor não tem o formato esperado")
