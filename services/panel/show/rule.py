"""A rule in sentences, and a form's fields as a rule. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.panel.kit import say
from services.panel.kit.forms import TypedForm, said_of
from services.panel.kit.render import short_name
from services.panel.kit.say import Clock
from services.panel.kit.seen import PageFacts
from services.panel.show.overview import divided
from services.panel.show.rule_beyond import PRODUCTS, beyond_form, of_cities, of_products
from services.panel.show.rule_cities import wrong_of_city
from services.panel.show.rule_exceptions import (
    days_of,
    exception_sentences,
    moment,
    wrong_of_exception,
)
from services.panel.show.rule_services import field_of_service
from services.panel.texts import text
from shared.db.tenants.rules_store import RuleVersion
from shared.domain.messages import label_for, message_in
from shared.domain.moment import local_day
from shared.domain.rule import Rule
from shared.domain.rule_change import ChangeCount, DueSpan, RuleOutcome
from shared.domain.sale import SaleStatus
from shared.net.json_bytes import read_json

# A form's name for what the rule calls otherwise.
FIELDS: Final = {
    "issue_when": "quando",
    "guarantee_days": "dias",
    "description": "descricao",
    "municipal_code": "municipal",
    "lc116": "lc116",
    "iss_rate": "aliquota",
    "cnae": "cnae",
    "nbs": "nbs",
    "national_code": "nacional",
}
_POINT: Final = re.compile(r"(?<=\d)\.(?=\d\d\b)")
NEW: Final = Rule(issue_when="bill_paid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Sales that a change of rule would treat otherwise."""

    sales: int
    amount: int
    before: str
    after: str


def sentences(rule: Rule) -> list[str]:
    """The rule without its exceptions, as somebody would tell it."""
    said = moment(rule.issue_when, rule.guarantee_days)
    refund = "cancelar a nota" if rule.cancel_on_refund else "deixar a nota como está"
    without = {"hold": "reter a venda", "issue_without": "emitir sem o que falta"}
    without["default_address"] = "usar o endereço da empresa"
    return [
        f"Em geral: {said}.",
        f"Se o pagamento for estornado depois da emissão: {refund}.",
        f"Se faltar o CPF ou CNPJ: {without[rule.customer_document_missing]}.",
        f"Se o endereço estiver incompleto: {without[rule.customer_address_incomplete]}.",
        "Enviar a nota ao cliente por e-mail."
        if rule.send_email
        else "Não enviar a nota ao cliente por e-mail.",
    ]


def spoke(rule: Rule, number: int | None) -> str:
    """What of a rule decided a sale: one of its exceptions, counted from 1, or the rule itself."""
    if number is not None and 1 <= number <= len(rule.exceptions):
        return exception_sentences(rule)[number - 1]
    said = moment(rule.issue_when, rule.guarantee_days)
    return f"Em geral: {said}."


def filled(rule: Rule) -> dict[str, str]:
    """The fields of the form as a rule has them."""
    service = rule.service
    return {
        "quando": rule.issue_when,
        "dias": str(rule.guarantee_days or ""),
        "sem_documento": rule.customer_document_missing,
        "sem_endereco": rule.customer_address_incomplete,
        "descricao": rule.description,
        "municipal": service.municipal_code or "",
        "lc116": service.lc116 or "",
        "aliquota": (service.iss_rate or "").replace(".", ","),
        "cnae": service.cnae or "",
        "nbs": service.nbs or "",
        "nacional": service.national_code or "",
    }


def with_fields(rule: Rule, form: TypedForm) -> dict[str, Any]:
    """A rule as JSON with what a form says; what the form does not show stays."""
    told = rule.model_dump(mode="json", by_alias=True)
    told |= {
        "issue_when": form["quando"],
        "guarantee_days": days_of(form["dias"]) if form["quando"] == "guarantee_ended" else None,
        "cancel_on_refund": form.has("cancelar"),
        "customer_document_missing": form["sem_documento"],
        "customer_address_incomplete": form["sem_endereco"],
        "send_email": form.has("email"),
        "description": form["descricao"].strip(),
    }
    told["service"] |= {
        "municipal_code": _text(form["municipal"]),
        "lc116": _text(form["lc116"]),
        "iss_rate": _text(form["aliquota"].replace(",", ".").replace("%", "")),
        "iss_withheld": form.has("retido"),
        "cnae": _text(form["cnae"]),
        "nbs": _text(form["nbs"]),
        "national_code": _text(form["nacional"]),
    }
    return told


def read(told: Mapping[str, Any], asked: int | None = None) -> Rule | dict[str, str]:
    """The rule, or what is wrong with it by the form's field; "" is the whole.

    `asked` is the place from 0 of the exception that the form is about.
    """
    wrong: dict[str, str] = {}
    try:
        return Rule.model_validate(told)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            text = said_of(item["type"], item.get("ctx", {})) or _bare(item["msg"])
            field, said = _wrong(item["loc"], text[:1].upper() + text[1:], asked)
            wrong.setdefault(field, said)
    impossible = Rule.impossible(told)
    return wrong | dict(_wrong(one.field, _bare(one.message), asked) for one in impossible)


def _wrong(place: Sequence[int | str], said: str, asked: int | None) -> tuple[str, str]:
    """The form's field for a place in a rule, and what is said there."""
    last = str(place[-1]) if place else ""
    if place[:1] == ("cities",):
        return wrong_of_city(place, said)
    if place[:1] in {(name,) for name in PRODUCTS.values()}:
        return field_of_service(place), said
    if place[:1] == ("exceptions",):
        return wrong_of_exception(place, said, asked)
    return FIELDS.get(last, ""), said


def stored(text: str) -> Rule | None:
    """A rule that a page carried along; None for anything else."""
    if "\\u0000" in text:  # no text of PostgreSQL's holds one
        return None
    try:
        told = read_json(text.encode())
        return Rule.model_validate(told) if isinstance(told, dict) else None
    except (ValueError, RecursionError):
        return None


def carried(rule: Rule) -> str:
    """A rule for a page to carry along."""
    return json.dumps(rule.model_dump(mode="json", by_alias=True), ensure_ascii=False)


def only_moves(old: Rule | None, new: Rule) -> bool:
    """Whether a change is of moments alone, so that no nota gets another text."""
    moments = {"issue_when", "guarantee_days", "exceptions"}
    return old is not None and old.model_dump(exclude=moments) == new.model_dump(exclude=moments)


def only_checks(old: Rule | None, new: Rule) -> bool:
    """Whether a change is of what cities demand alone: looked at as a nota is sent, not before."""
    return old is not None and old.model_dump(exclude={"cities"}) == new.model_dump(
        exclude={"cities"}
    )


def changes(
    counts: Sequence[ChangeCount],
    zone: ZoneInfo,
    *,
    moves: bool = False,
    checks: bool = False,
) -> list[Changed]:
    """What a change does, the most sales first; `moves` where it is of moments alone.

    `checks` where it is of what cities demand alone.
    """
    same = "O mesmo, em outra data" if moves else "O mesmo, em outra data ou com outro texto"
    if checks:
        same = "O mesmo; na hora do envio, fica pendente se faltar o que a cidade exige"
    found = [
        Changed(
            sales=one.sales,
            amount=one.amount,
            before=_outcome(one.change.before) + _due(one.was, zone),
            after=same
            if one.change.after == one.change.before and not (moves and one.will)
            else _outcome(one.change.after) + _due(one.will, zone),
        )
        for one in counts
    ]
    return sorted(found, key=lambda one: -one.sales)


def _due(due: DueSpan | None, zone: ZoneInfo) -> str:
    """` até 05/12/2026`, or between which days it ends."""
    if due is None:
        return ""
    first, last = (local_day(instant, zone) for instant in (due.first, due.last))
    if first == last:
        return f" até {say.day(first)}"
    return f", que termina entre {say.day(first)} e {say.day(last)}"


def differences(old: Rule | None, new: Rule) -> list[str]:
    """What two versions say differently, in sentences; the newer ones."""
    if old is None:
        return everything(new)
    before, after = everything(old), everything(new)
    return [
        *(said for said in after if said not in set(before)),
        *(f"Não vale mais: {said}" for said in before if said not in set(after)),
        *([text("rule.reordered")] if _reordered(old, new) else []),
    ]


def _reordered(old: Rule, new: Rule) -> bool:
    """Whether the exceptions that both have are asked in another order."""
    before, after = (dict.fromkeys(exception_sentences(rule)) for rule in (old, new))
    return [one for one in before if one in after] != [one for one in after if one in before]


def everything(rule: Rule) -> list[str]:
    """All of a rule in sentences."""
    return [
        *sentences(rule),
        *exception_sentences(rule),
        *on_the_nota(rule),
        *of_products(rule),
        *of_cities(rule),
        *beyond_form(rule),
    ]


def on_the_nota(rule: Rule) -> list[str]:
    """What a nota says of what was sold, and of which service."""
    service = rule.service
    rate = "não informado" if not service.iss_rate else f"{service.iss_rate.replace('.', ',')}%"
    return [
        f"Descrição: {rule.description}",
        (
            f"Serviço: código municipal {service.municipal_code or 'não informado'}, item da lista"
            f" {service.lc116 or 'não informado'}, ISS {rate}."
        ),
    ]


def rule_facts(newest: RuleVersion | None, clock: Clock) -> PageFacts:
    """A rule as whoever changes it knew it, by what each sentence is about."""
    if newest is None:
        return PageFacts("0")
    rule = newest.rule
    by = short_name(newest.created_by)
    facts = [("Versão", f"{newest.version}, de {by}, {clock.exactly(newest.created_at)}")]
    plain = rule.model_copy(update={"exceptions": ()})
    for said in everything(plain):
        name, colon, rest = said.partition(": ")
        facts.append((name, rest) if colon else ("E-mail ao cliente", said))
    facts += [
        (f"Exceção {number}", said) for number, said in enumerate(exception_sentences(rule), 1)
    ]
    return PageFacts(str(newest.version), tuple(facts))


def _outcome(outcome: RuleOutcome) -> str:
    if outcome.status is SaleStatus.QUEUED:
        return "Emitir agora"
    if outcome.code:
        return divided(message_in(outcome.status, outcome.code).text)[0]
    return label_for(outcome.status)


def _text(text: str) -> str | None:
    return text.strip() or None


def _bare(message: str) -> str:
    """Without the field's own name, which is English; numbers as they are typed here, `2,00`."""
    plain = _POINT.sub(",", message.removeprefix("Value error, "))
    name, colon, rest = plain.partition(": ")
    return rest if colon and " " not in name else plain
