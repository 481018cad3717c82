"""Reads a situation written in an accountant's words into what a decision looks at."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from shared.domain.bill import Bill, BillLine, BillStatus, Charge, Customer
from shared.domain.denials import ON_CUSTOMER
from shared.domain.draft import tomador_of
from shared.domain.ids import ChargeId, CustomerId
from shared.domain.money import Cents, read_reais
from shared.domain.nota import NotaStatus, Tomador
from shared.domain.rule import Rule
from shared.domain.sale import Seller, TenantTerms
from tests.builders import a_bill, a_charge, a_customer, a_line, an_address

CITIES: Final = {
    "São Paulo": "America/Sao_Paulo",
    "Manaus": "America/Manaus",
    "Rio Branco": "America/Rio_Branco",
    "Fernando de Noronha": "America/Noronha",
}
NOTAS: Final = {
    "being sent": NotaStatus.SENDING,
    "answer lost": NotaStatus.UNCERTAIN,
    "being issued": NotaStatus.PENDING,
    "issued": NotaStatus.ISSUED,
    "denied": NotaStatus.DENIED,
    "being cancelled": NotaStatus.CANCELLING,
    "cancelled": NotaStatus.CANCELLED,
    "cancel refused": NotaStatus.CANCEL_REFUSED,
}
MOMENTS: Final = {
    "on creation": "bill_created",
    "on payment": "bill_paid",
    "by hand": "manual",
    "never": "never",
}
WORDS: Final = frozenset(
    {
        "rule", "paid", "bill", "created", "billing", "alive", "lines", "says", "method", "plan",
        "cycle", "buyer", "refund", "moved", "customer", "nota", "sent", "had moment", "fixed",
        "backfill", "wish", "active", "paused", "locked", "city", "today", "issuer", "expect",
        "installments", "parts", "was", "issued on", "seller",
    }
)  # fmt: skip
Situation = Mapping[str, Any]

_PAYMENT = re.compile(
    r"(?:(?P<amount>[\d.]+) on )?(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d|without a date)"
    r"(?: by (?P<method>\w+))?(?: known (?P<known>\d{4}-\d\d-\d\d \d\d:\d\d))?(?P<undone> undone)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotaWords:
    """The last nota of a situation."""

    status: NotaStatus
    amount: Cents
    revision: int = 1
    denial: str | None = None
    resend: bool = False
    then_cancel: str | None = None
    auto_sends: int = 0
    stated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a sale shows in the end; None where a situation says nothing of it."""

    status: str
    code: str | None = None
    attention: str | None = None
    amount: Cents | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def zone_of(said: Situation) -> ZoneInfo:
    return ZoneInfo(CITIES[said.get("city", "São Paulo")])


def instant(text: str, zone: ZoneInfo) -> datetime:
    """A local time of the tenant's city."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)


def maybe_instant(said: Situation, word: str) -> datetime | None:
    return instant(said[word], zone_of(said)) if word in said else None


def today(said: Situation) -> datetime:
    return instant(said.get("today", "2026-11-20 12:00"), zone_of(said))


def rule(said: Situation) -> Rule | None:
    told = said.get("rule", "on payment")
    if told == "none":
        return None
    parts = {"when": told} if isinstance(told, str) else dict(told)
    values = {**_moment(parts.pop("when", "on payment")), **_policies(parts)}
    return Rule.model_validate(values)


def _moment(text: str) -> dict[str, Any]:
    if found := re.fullmatch(r"guarantee (\d+) days", text):
        return {"issue_when": "guarantee_ended", "guarantee_days": int(found[1])}
    if text == "guarantee":
        return {"issue_when": "guarantee_ended"}
    return {"issue_when": MOMENTS[text]}


def _policies(parts: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for word, told in parts.items():
        match word:
            case "except":
                values["exceptions"] = [_exception(dict(one)) for one in told]
            case "refund":
                values["cancel_on_refund"] = {"cancels": True, "keeps the nota": False}[told]
            case "given back" | "part given back" | "dispute" | "bill canceled":
                values.setdefault("refunds", {})[_CAUSES[word]] = told
            case "window":
                values.setdefault("refunds", {})["city_window"] = _window(told)
            case "no document":
                values["customer_document_missing"] = told.replace(" ", "_")
            case "no address":
                values["customer_address_incomplete"] = told.replace(" ", "_")
                values["default_address"] = _DEFAULT_ADDRESS
            case "competência":
                values["competencia"] = told.replace(" ", "_")
            case "late":
                day, then = told.split(" then ")
                values["late_competencia"] = {"keep_until_day": int(day), "then": then}
            case "mixed services":
                values["mixed_services"] = told
            case "ISS":
                values["service"] = {"iss_withheld": {"withheld": True}[told]}
            case "services":
                values["services_by_product_code"] = {p: {"lc116": c} for p, c in told.items()}
            case _:
                raise ValueError(f"a rule has no word {word}")
    return values


_CAUSES: Final = {
    "given back": "full",
    "part given back": "partial",
    "dispute": "chargeback",
    "bill canceled": "bill_canceled",
}


def _window(text: str) -> dict[str, Any]:
    """`10 days`, or `until day 5` of the next month; and then `then try`."""
    limit, _, then = text.partition(" then ")
    days = re.fullmatch(r"(\d+) days", limit)
    day = re.fullmatch(r"until day (\d+)", limit)
    if days is None and day is None:
        raise ValueError(f"no window: {text}")
    known = {"days_after_issue": int(days[1])} if days else {"until_day": int(day[1] if day else 0)}
    return {**known, "afterwards": then or "hold"}


_DEFAULT_ADDRESS: Final = {
    "street": "Rua da Empresa",
    "district": "Centro",
    "city": "São Paulo",
    "state": "SP",
    "zip": "01001-000",
}


def _exception(parts: dict[str, Any]) -> dict[str, Any]:
    codes = {
        "product": "product_code",
        "plan": "plan_code",
        "method": "payment_method_code",
        "buyer": "customer_code",
    }
    moment = _moment(parts.pop("when"))
    wanted: dict[str, Any] = {
        codes[w]: v if isinstance(v, list) else [v] for w, v in parts.items() if w in codes
    }
    if "cycle" in parts:
        wanted["cycle"] = parts["cycle"]
    return {"if": wanted, **moment}


def bill(said: Situation) -> Bill:
    zone = zone_of(said)
    lines = tuple(_line(n, text) for n, text in enumerate(_many(said, "lines", ["PLANO 100.00"])))
    total = Cents(sum(line.amount for line in lines))
    charges = _charges(said, total, zone)
    status = BillStatus(_status(said, charges))
    owed = read_reais(said["says"]) if "says" in said else total
    cycle = said.get("cycle", "2")
    created = maybe_instant(said, "created") or _before(charges) or instant(_CREATED, zone)
    return a_bill(
        status=status,
        amount=Cents(0) if status is BillStatus.CANCELED and "says" not in said else owed,
        lines=lines,
        charges=charges,
        customer_id=CustomerId(10 if said.get("moved") == "yes" else 9),
        customer_code=said.get("buyer", "C-9"),
        cycle=None if cycle == "none" else int(cycle),
        plan_code=said.get("plan", "MENSAL"),
        installments=int(said.get("installments", "1")),
        billing_at=maybe_instant(said, "billing"),
        created_at=created,
    )


_CREATED: Final = "2026-11-09 12:00"


def _many(said: Situation, word: str, default: list[str]) -> list[str]:
    told = said.get(word, default)
    return told if isinstance(told, list) else [told]


def _line(number: int, text: str) -> BillLine:
    product, amount, *quantity = text.split()
    return a_line(
        read_reais(amount),
        id=number + 1,
        product_id=sum(product.encode()),
        product_code=product,
        product_name=product.title(),
        quantity=int(quantity[0].lstrip("x")) if quantity else 1,
    )


def _status(said: Situation, charges: Sequence[Charge]) -> str:
    if "bill" in said:
        return "pending" if said["bill"] == "open" else str(said["bill"])
    return "paid" if any(charge.status == "paid" for charge in charges) else "pending"


def _charges(said: Situation, total: Cents, zone: ZoneInfo) -> tuple[Charge, ...]:
    told = _many(said, "paid", ["2026-11-10 12:00"])
    if told == ["no"]:
        dead = said.get("bill") == "canceled"
        return (
            a_charge(
                status="canceled" if dead else "pending",
                amount=total,
                paid_at=None,
                transaction_at=None,
                transaction_type=None,
                payment_method_code=said.get("method", "credit_card"),
            ),
        )
    return tuple(_payment(number, text, said, total, zone) for number, text in enumerate(told))


def _payment(number: int, text: str, said: Situation, total: Cents, zone: ZoneInfo) -> Charge:
    found = _PAYMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"not a payment: {text}")
    at = None if found["at"] == "without a date" else instant(found["at"], zone)
    known = instant(found["known"], zone) if found["known"] else at
    return a_charge(
        id=ChargeId(50 + number),
        status="canceled" if found["undone"] else "paid",
        amount=read_reais(found["amount"]) if found["amount"] else total,
        paid_at=at,
        updated_at=known,
        transaction_at=known,
        payment_method_code=found["method"] or said.get("method", "credit_card"),
    )


def _before(charges: Sequence[Charge]) -> datetime | None:
    paid = [charge.paid_at for charge in charges if charge.paid_at is not None]
    return min(paid) if paid else None


def refunds(said: Situation, whole: Bill) -> dict[ChargeId, Cents]:
    given: dict[ChargeId, Cents] = {}
    for text in _many(said, "refund", []):
        amount, _, which = text.partition(" of payment ")
        charge = whole.charges[int(which or 1) - 1]
        cents = charge.amount if amount == "all" else read_reais(amount)
        given[charge.id] = Cents(given.get(charge.id, Cents(0)) + cents)
    return given


def customer(said: Situation) -> Customer | None:
    told = said.get("customer", "complete")
    return None if told == "not read yet" else _customer(told)


def denied_with(said: Situation) -> dict[int, Tomador]:
    """The buyer as denied notas were sent with it; told where their denial hangs on that."""
    wanted = rule(said)
    if "was" not in said or wanted is None:
        return {}
    sent = tomador_of(_customer(said["was"]), wanted)
    if not isinstance(sent, Tomador):
        raise TypeError(f"no nota is sent with this buyer: {said['was']}")
    notas = dict(enumerate((one for _, one in parts(said)), start=1)) or {0: nota(said)}
    return {
        part: sent for part, one in notas.items() if one is not None and one.denial in ON_CUSTOMER
    }


def _customer(told: str) -> Customer:
    changes: dict[str, Any] = {}
    address: dict[str, Any] = {}
    for word in (part.strip() for part in told.split(" and ")):
        if word == "complete":
            continue
        name, _, given = word.partition(" ")
        value: str | None = given
        if name == "no":
            name, value = given, None
        (changes if name in ("name", "document", "email", "phone") else address)[name] = value
    return a_customer(address=an_address(**address), **changes)


def nota(said: Situation) -> NotaWords | None:
    if "nota" not in said:
        return None
    first, *more = (part.strip() for part in said["nota"].split(";"))
    found = re.fullmatch(r"(.*?)(?: ([\d.]+))?", first)
    word, amount = (found[1], found[2]) if found else (first, None)
    values: dict[str, Any] = {}
    for part in more:
        values.update(_about_nota(part))
    default = sum(read_reais(t.split()[1]) for t in _many(said, "lines", ["PLANO 100.00"]))
    return NotaWords(
        status=NOTAS[word], amount=read_reais(amount) if amount else Cents(default), **values
    )


def parts(said: Situation) -> list[tuple[Cents, NotaWords | None]]:
    """The parts of a divided sale, one a line: "80.00 issued; for refunded", "20.00 not sent"."""
    found: list[tuple[Cents, NotaWords | None]] = []
    for text in _many(said, "parts", []):
        first, *more = (piece.strip() for piece in text.split(";"))
        amount, _, word = first.partition(" ")
        values: dict[str, Any] = {}
        for piece in more:
            values.update(_about_nota(piece))
        cents = read_reais(amount)
        nota = None if word == "not sent" else NotaWords(status=NOTAS[word], amount=cents, **values)
        found.append((cents, nota))
    return found


def _about_nota(part: str) -> dict[str, Any]:
    if part == "to be sent again":
        return {"resend": True}
    if part == "on a person's word":
        return {"stated": True}
    name, _, value = part.partition(" ")
    match name:
        case "revision":
            return {"revision": int(value)}
        case "denial":
            return {"denial": value}
        case "for":
            return {"then_cancel": value}
        case "repeated":
            return {"auto_sends": int(value)}
        case _:
            raise ValueError(f"a nota has no word {part}")


def tenant_terms(said: Situation) -> TenantTerms:
    active = said.get("active", "2026-10-01 09:00")
    months = [date.fromisoformat(f"{month}-01") for month in _many(said, "locked", [])]
    return TenantTerms(
        zone=zone_of(said),
        active_from=None if active == "never" else instant(active, zone_of(said)),
        issuing=said.get("paused") != "yes" and active != "never",
        locked_months=frozenset((month.year, month.month) for month in months),
        seller=Seller(cnpj=said["seller"]) if "seller" in said else None,
    )


def expected(text: str) -> Expected:
    """`status [code] [amount]; due …; competência …; attention …; revision …; asks …`."""
    first, *more = (part.strip() for part in text.split(";"))
    status, *rest = first.split()
    amounts = [word for word in rest if re.fullmatch(r"-?\d+\.\d\d", word)]
    codes = [word for word in rest if word not in amounts]
    details = dict(part.split(" ", 1) for part in more)
    return Expected(
        status=status,
        code=codes[0] if codes else None,
        attention=details.pop("attention", None),
        amount=read_reais(amounts[0]) if amounts else None,
        details=details,
    )
