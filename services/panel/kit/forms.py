"""Forms as they were sent, and what is wrong with them, in Portuguese, at the field."""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from services.panel.kit.seen import FIELD as SEEN
from services.panel.kit.seen import ChangeShown, PageFacts, changes_since
from services.panel.kit.typed import iso_day
from shared.portuguese import bare_portuguese

M = TypeVar("M", bound=BaseModel)

MOST_BYTES: Final = 512 * 1024  # five thousand ticked sales are a fifth of it
MOST_FIELDS: Final = 20_000
SECRET: Final = "senha"  # noqa: S105 - no password: how names of fields begin that hold a password
# Mail, web pages and spreadsheets put these around and into what is copied, where nobody sees them.
INVISIBLE: Final = (
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
_AROUND: Final = string.whitespace + "\u0085\u00a0\u2007\u2028\u2029\u202f\u3000" + INVISIBLE
_UNSEEN: Final = dict.fromkeys(map(ord, INVISIBLE))
# Where a browser has no calendar, a day is typed as people write it.
DAYS: Final = frozenset({"desde", "ate", "de", "dia", "a_partir"})
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
A_DAY: Final = "Digite uma data que existe, como 30/11/2026."
CHOOSE: Final = "Escolha uma das opções oferecidas."
COPY_WHOLE: Final = "Não tem o formato esperado. Confira se está inteiro e sem outros sinais."
WHOLE: Final = ""  # the place of what is wrong with no single field


class FormTooLong(Exception):
    """More was sent than any form of ours holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedForm:
    """What was typed, and what is wrong with it, by the field's name."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    changes: Sequence[ChangeShown] = ()  # since the page was made that it stands on

    def __getitem__(self, name: str) -> str:
        """The value of a field; nothing for one that was not sent."""
        found = self.values.get(name)
        return found[-1] if found else ""

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field that may be sent several times."""
        return self.values.get(name, ())

    def has(self, name: str) -> bool:
        """Whether a box is ticked, or a field was sent at all."""
        return name in self.values

    @property
    def first_wrong(self) -> str | None:
        """The field that has the focus when the form is shown again; None where nothing is wrong.

        A script would find it too; one that is off must not leave anybody at the page's top.
        """
        named = [name for name in self.errors if name != WHOLE]
        return next(iter([*named, *self.errors]), None)

    def wrong(self, **errors: str) -> "TypedForm":
        """The same form with what is wrong; `form_` names the whole."""
        named = {WHOLE if name == "form_" else name: text for name, text in errors.items()}
        return TypedForm(values=self.values, errors={**self.errors, **named})

    def stale(self, now: PageFacts, said: str) -> "TypedForm | None":
        """The same form with what changed since its page was made; None where nothing did."""
        changes = changes_since(self[SEEN], now)
        if changes is None:
            return None
        return TypedForm(
            values=self.values, errors={**self.errors, WHOLE: said}, changes=tuple(changes)
        )

    def filled(self, **values: str) -> "TypedForm":
        """The same form with these values where nothing was typed yet."""
        missing = {name: (value,) for name, value in values.items() if name not in self.values}
        return TypedForm(values={**missing, **self.values}, errors=self.errors)

    def read(self, model: type[M]) -> "M | TypedForm":
        """The model of what was typed, or the form with its errors. Empty fields count as absent.

        The models are those of the internal API, or share its words.
        """
        given = {
            name: values[-1]
            for name, values in self.values.items()
            if name in model.model_fields and values[-1].strip() != ""
        }
        try:
            return model.model_validate(given)
        except ValidationError as error:
            return TypedForm(values=self.values, errors=_said(error))


NOTHING_TYPED: Final = TypedForm()


async def read_form(request: Request) -> TypedForm:
    """The fields of a posted form; raises FormTooLong."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise FormTooLong
    try:
        pairs = parse_qsl(
            raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise FormTooLong from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(_tidied(name, value))
    return TypedForm(values=found)


def _tidied(name: str, value: str) -> str:
    """A field's value as it was meant: without what comes along when a text is pasted.

    PostgreSQL's texts cannot hold NUL; browsers end lines with two characters. A password may
    begin or end with a blank.
    """
    plain = value.replace("\0", "").replace("\r\n", "\n")
    if name.startswith(SECRET):
        return plain
    plain = plain.strip(_AROUND)
    # In a key, a number or an address they mean nothing either; an emoji is joined by one.
    bare = plain.translate(_UNSEEN)
    plain = bare if bare.isascii() else plain
    return iso_day(plain) if name in DAYS else plain


def said_of(kind: str, context: Mapping[str, Any]) -> str | None:
    """What a person is told of a value that does not do; None for what validators say themselves.

    Where one of several words was expected, the words are ours: what was offered is chosen again.
    """
    if kind in ("literal_error", "enum"):
        return CHOOSE
    if kind == "string_pattern_mismatch":
        return COPY_WHOLE
    if kind.startswith("date_"):
        return A_DAY
    context = {name: _as_read(value) for name, value in context.items()}
    return bare_portuguese(kind, context)


def _as_read(value: object) -> object:
    """A limit as people read it: a day otherwise than machines write it."""
    found = _ISO.fullmatch(str(value))
    return "{2}/{1}/{0}".format(*found.groups()) if found else value


def _said(error: ValidationError) -> dict[str, str]:
    said: dict[str, str] = {}
    for item in error.errors(include_input=False, include_url=False):
        place = str(item["loc"][0]) if item["loc"] else WHOLE
        text = said_of(item["type"], item.get("ctx", {}))
        plain = text or item["msg"].removeprefix("Value error, ")
        said.setdefault(place, plain[:1].upper() + plain[1:] + ("" if plain[-1] in ".!?" else "."))
    return said
