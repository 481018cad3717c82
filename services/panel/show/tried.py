"""What a rule makes of one real bill, as a person reads it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.panel.kit.say import Clock
from services.panel.show.overview import divided
from services.panel.show.rule import spoke
from services.panel.texts import TEXTS, text
from shared.commands.try_bill import TriedBill
from shared.domain.decision import Decision, Hold, Issue, Skip, Wait
from shared.domain.messages import label_for, message_for, message_in
from shared.domain.rule import Rule
from shared.domain.sale import SaleStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleNota:
    """What the nota says; amounts in centavos."""

    amount: int
    total: int
    net: int
    competencia: date
    description: str
    buyer: str
    document: str
    place: str
    service: Sequence[tuple[str, str]]
    reckoned: Sequence[str]
    told: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedShown:
    """A bill, what becomes of it and why, and its nota; `lacks` says why there is none."""

    bill: int
    customer: str
    lines: Sequence[tuple[str, int]]
    becomes: str
    todo: str
    spoke: str
    nota: ExampleNota | None
    lacks: str


def tried_shown(tried: TriedBill, rule: Rule, clock: Clock) -> TriedShown:
    """What a page says of a bill that was tried."""
    becomes, todo = _becomes(tried.decision, clock)
    bill = tried.real.bill
    return TriedShown(
        bill=bill.id,
        customer=bill.customer_name,
        lines=[(line.product_name, line.amount) for line in bill.lines],
        becomes=becomes,
        todo=todo,
        spoke=spoke(rule, tried.exception),
        nota=_nota(tried),
        lacks=message_for(tried.lacks.code).text if tried.lacks else "",
    )


def why_not(code: str) -> str:
    """Why a bill cannot be tried, or no test nota made, and what to do."""
    known = TEXTS.get(f"tried.{code}")
    return known or message_for(code).text


def _document(bare: str) -> str:
    """A CPF or CNPJ as it is written; anything else as it is."""
    if len(bare) == 11:
        return f"{bare[:3]}.{bare[3:6]}.{bare[6:9]}-{bare[9:]}"
    if len(bare) == 14:
        return f"{bare[:2]}.{bare[2:5]}.{bare[5:8]}/{bare[8:12]}-{bare[12:]}"
    return bare


def _becomes(decision: Decision, clock: Clock) -> tuple[str, str]:
    match decision:
        case Issue():
            return text("tried.issue"), ""
        case Wait(status=status, until=until):
            label = label_for(SaleStatus(status))
            return (label if until is None else f"{label}, até {clock.on(until).human}"), ""
        case Hold(code=code):
            return divided(message_in(SaleStatus.HELD, code).text)
        case Skip(code=code):
            return divided(message_in(SaleStatus.SKIPPED, code).text)
        case _:
            return text("tried.not_yet"), ""


def _nota(tried: TriedBill) -> ExampleNota | None:
    draft = tried.draft
    if draft is None:
        return None
    address, service = draft.tomador.address, draft.service
    place = (
        [address.street, address.number, address.district, address.city, address.state]
        if (address)
        else []
    )
    codes = (
        ("rule.municipal", service.municipal_code),
        ("rule.lc116", service.lc116),
        ("rule.rate", service.iss_rate.replace(".", ",") if service.iss_rate else None),
        ("rule.national", service.national_code),
    )
    return ExampleNota(
        amount=draft.amount,
        total=draft.total,
        net=draft.net,
        competencia=draft.competencia,
        description=draft.description,
        buyer=draft.tomador.name,
        document=_document(draft.tomador.document or ""),
        place=", ".join(part for part in place if part),
        service=[(text(word), code) for word, code in codes if code],
        reckoned=[part for part in tried.arithmetic.split("; ") if part],
        told=tried.told,
    )
