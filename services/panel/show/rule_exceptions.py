"""A rule's exceptions, as a part of its page: told, changed and read from their form. Pure."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import PydanticCustomError

from services.panel.kit import say
from services.panel.kit.forms import TypedForm
from services.panel.kit.typed import whole_number
from services.panel.texts import text
from shared.domain.rule import Conditions, Cycle, IssueWhen, Rule, RuleException

WHEN: Final[tuple[tuple[IssueWhen, str, str], ...]] = (
    ("bill_paid", "Quando a fatura é paga", "A nota sai minutos depois do pagamento."),
    (
        "guarantee_ended",
        "Depois da garantia",
        "A nota sai quando termina o prazo em que o cliente pode desistir.",
    ),
    ("bill_created", "Quando a fatura é criada", "A nota sai antes do pagamento."),
    ("manual", "Só quando eu mandar", "Cada venda espera por uma pessoa."),
    ("never", "Nunca", "Nenhuma nota sai automaticamente."),
)
LISTS: Final[tuple[tuple[str, str], ...]] = (
    ("product_code", "o produto é"),
    ("plan_code", "o plano é"),
    ("payment_method_code", "o meio de pagamento é"),
    ("customer_code", "o cliente é"),
)
# Asked for below the others: few need them.
MORE_LISTS: Final[tuple[tuple[str, str], ...]] = (
    ("product_id", "o número do produto na Vindi é"),
    ("product_name", "o nome do produto é"),
    ("plan_id", "o número do plano na Vindi é"),
    ("plan_name", "o nome do plano é"),
)
# The form's name for what an exception calls otherwise.
_NAMES: Final = {"issue_when": "quando", "guarantee_days": "dias"}
_EARLIER: Final = re.compile(r"exceptions\.([0-9]+)")
CYCLES: Final[dict[Cycle, str]] = {
    "any": "qualquer cobrança",
    "first": "é a primeira cobrança",
    "renewal": "é uma renovação",
}


def moment(when: IssueWhen, days: int | None) -> str:
    """`emitir 30 dias após o pagamento`."""
    match when:
        case "bill_paid":
            return "emitir quando a fatura é paga"
        case "bill_created":
            return "emitir quando a fatura é criada"
        case "guarantee_ended":
            return f"emitir {say.counted(days or 0, 'dia', 'dias')} após o pagamento"
        case "manual":
            return "esperar que alguém escolha Emitir agora"
        case "never":
            return "não emitir"


def exception(conditions: Conditions, when: IssueWhen, days: int | None) -> str:
    """An exception as a sentence: `Se o produto é CURSO, emitir 30 dias após o pagamento.`."""
    parts = [
        f"{said} {' ou '.join(str(value) for value in values)}"
        for name, said in (*LISTS, *MORE_LISTS)
        if (values := getattr(conditions, name))
    ]
    if conditions.cycle != "any":
        parts.append(CYCLES[conditions.cycle])
    condition = " e ".join(parts) or "for qualquer venda"
    return f"Se {condition}, {moment(when, days)}."


def exception_sentences(rule: Rule) -> list[str]:
    """Each exception as a sentence; one without days of its own has those of the rule."""
    return [
        exception(one.if_, one.issue_when, one.guarantee_days or rule.guarantee_days)
        for one in rule.exceptions
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionShown:
    """One exception: its place from 1, its sentence, its own days, and what its form holds."""

    number: int
    mark: str
    said: str
    days: int | None
    fields: Mapping[str, str]

    @property
    def inherits(self) -> bool:
        """Whether it waits for as many days as the rule says."""
        return self.fields["x_quando"] == "guarantee_ended" and self.days is None


def exceptions_shown(rule: Rule) -> list[ExceptionShown]:
    """Every exception, in the order in which they are asked.

    A mark is of its conditions, not of its place: a form of an older page finds the exception it
    was about wherever it stands by now, and never another one.
    """
    seen: Counter[str] = Counter()
    shown: list[ExceptionShown] = []
    for one, said in zip(rule.exceptions, exception_sentences(rule), strict=True):
        mark = hashlib.sha256(one.if_.model_dump_json().encode()).hexdigest()[:12]
        seen[mark] += 1  # twice the same only in a rule of an older version of this program
        shown.append(
            ExceptionShown(
                number=len(shown) + 1,
                mark=mark if seen[mark] == 1 else f"{mark}-{seen[mark]}",
                said=said,
                days=one.guarantee_days,
                fields=_fields(one),
            )
        )
    return shown


def _fields(one: RuleException) -> dict[str, str]:
    lists = {f"x_{name}": listed(getattr(one.if_, name)) for name, _ in (*LISTS, *MORE_LISTS)}
    days = str(one.guarantee_days or "")
    return {**lists, "x_cycle": one.if_.cycle, "x_quando": one.issue_when, "x_dias": days}


PLAIN_EXCEPTION: Final[Mapping[str, str]] = {
    **{f"x_{name}": "" for name, _ in (*LISTS, *MORE_LISTS)},
    "x_cycle": "any",
    "x_quando": "guarantee_ended",
    "x_dias": "",
}


def listed(values: Sequence[str | int]) -> str:
    """Several values as one field holds them: `CURSO, "Oficina, módulo 1"`."""
    return ", ".join(_quoted(str(value)) for value in values)


def _quoted(value: str) -> str:
    if "," not in value and value[:1] != '"':
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


def _split(typed: str) -> list[str]:
    """The values of one field, as `listed` writes them or as people do."""
    try:
        rows = [*csv.reader(typed.splitlines(), skipinitialspace=True)]
    except csv.Error:  # longer than any field it reads
        rows = [typed.split(",")]
    return [word.strip() for row in rows for word in row if word.strip()]


def exception_asked(rule: Rule, form: TypedForm) -> int | None:
    """The place from 0 of the exception that a form is about; None for one that is gone.

    A new one is the last.
    """
    mark = form["x_antes"]
    if not mark:
        return len(rule.exceptions)
    return next((one.number - 1 for one in exceptions_shown(rule) if one.mark == mark), None)


def with_exception(rule: Rule, form: TypedForm) -> dict[str, Any] | TypedForm:
    """A rule as JSON with one exception changed where it stands, or with one more, the last.

    The form with what is wrong where the exception that it changes is there no more.
    """
    place = exception_asked(rule, form)
    if place is None:
        return form.wrong(form_=text("rule.moved"))
    told = rule.model_dump(mode="json", by_alias=True)
    found = told["exceptions"]
    before = found[place] if place < len(found) else {"if": {}}
    one = {
        "if": _conditions(before["if"], form),
        "issue_when": form["x_quando"],
        "guarantee_days": _days(before, form),
    }
    told["exceptions"] = [*found[:place], one, *found[place + 1 :]]
    return told


def _days(before: Mapping[str, Any], form: TypedForm) -> int | str | None:
    """The days that were typed; none only where the exception had those of the rule."""
    if form["x_quando"] != "guarantee_ended":
        return None
    inherits = before.get("issue_when") == "guarantee_ended" and before["guarantee_days"] is None
    return None if inherits and not form["x_dias"] else days_of(form["x_dias"])


def _conditions(before: Mapping[str, Any], form: TypedForm) -> dict[str, Any]:
    """What was typed; a field as it was keeps its values to the letter."""
    conditions: dict[str, Any] = {"cycle": form["x_cycle"] or "any"}
    for name, _ in (*LISTS, *MORE_LISTS):
        typed, kept = form[f"x_{name}"], before.get(name, [])
        conditions[name] = kept if typed == listed(kept) else _split(typed)
    return conditions


def wrong_of_exception(place: Sequence[int | str], said: str, asked: int | None) -> tuple[str, str]:
    """The form's field for a place in a rule's exceptions, and what is said there.

    `asked` is the one that the form is about; what is wrong with another is said above the page,
    with its number.
    """
    number = place[1] if len(place) > 1 else None
    said = _EARLIER.sub(lambda found: f"a exceção {int(found[1]) + 1}", said)
    said = said[:1].upper() + said[1:]
    if not isinstance(number, int) or number != asked:
        return "", f"Exceção {number + 1}: {said}" if isinstance(number, int) else said
    names = [str(one) for one in place[2:] if not isinstance(one, int)]
    name = next((one for one in reversed(names) if one != "if"), "product_code")
    return f"x_{_NAMES.get(name, name)}", said


def moved(rule: Rule, place: int, way: str) -> dict[str, Any]:
    """A rule as JSON with one exception a place higher or lower, or gone."""
    told = rule.model_dump(mode="json", by_alias=True)
    found = told["exceptions"]
    if not 0 <= place < len(found):
        return told
    one = found.pop(place)
    if way != "tirar":
        found.insert(max(0, place - 1) if way == "subir" else place + 1, one)
    return told


def reordered(rule: Rule, order: Sequence[str]) -> dict[str, Any] | None:
    """A rule as JSON with its exceptions in another order, by their places from 0.

    None for what names not each of them once: the page is older than the rule.
    """
    told = rule.model_dump(mode="json", by_alias=True)
    found = told["exceptions"]
    places = [int(one) for one in order if one.isascii() and one.isdigit() and len(one) < 6]
    if sorted(places) != list(range(len(found))) or len(places) != len(order):
        return None
    told["exceptions"] = [found[place] for place in places]
    return told


def with_days(rule: Rule, place: int, days: str) -> dict[str, Any]:
    """A rule as JSON with another guarantee for one exception."""
    told = rule.model_dump(mode="json", by_alias=True)
    if 0 <= place < len(told["exceptions"]):
        told["exceptions"][place]["guarantee_days"] = days_of(days)
    return told


def days_of(typed: str) -> int | str:
    """Days as they were typed; what is no number is left to be refused."""
    try:
        return int(str(whole_number(typed)))
    except PydanticCustomError:
        return typed.strip()
