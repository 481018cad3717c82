"""What must be, computed from the stand-ins' own records and never from the product's.

One rule is judged, `bill_paid`: each sale ends as exactly one valid nota of the right amount, buyer
and competência, or as a reason that the papers allow.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from tests.outside.enotas.records import Company, Nota
from tests.outside.vindi.records import BRASILIA, Account, Record, lines_of

EXTERNAL_ID = re.compile(
    r"^(?P<env>[hp])-(?P<tenant>[A-Za-z0-9]+)-(?P<bill>\d+)(x\d+)?-(?P<rev>\d+)$"
)

ENDED = frozenset({"issued", "denied", "held", "skipped", "cancelled", "cancel_refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """How a sale may end."""

    notas: frozenset[int]  # how many valid ones, one of these numbers
    ends: frozenset[str]  # "status" or "status code"
    amount: Decimal = Decimal(0)
    competencia: date | None = None


@dataclass(slots=True, kw_only=True)
class Judge:
    """Compares one tenant's world with what the product made of it."""

    account: Account
    company: Company
    rejected: set[str] = field(default_factory=set)  # documents whose notas the city denies
    wrong: list[str] = field(default_factory=list)

    def owed(self, bill: Record) -> Owed:
        customer = self.account.customers[bill["customer"]["id"]]
        paid = [each for each in bill["charges"] if each["paid_at"] is not None]
        given_back = self._given_back(bill)
        got = sum((each["amount"] for each in paid), Decimal(0))
        if bill["status"] in {"review", "scheduled"}:
            return _none("", "queued", "waiting_payment")
        if (given_back and given_back >= got) or bill["status"] == "canceled":
            return self._ended(bill, paid)
        if any(each["status"] == "canceled" for each in paid):
            return self._undone(bill)
        if bill["status"] == "pending":
            return _none("waiting_payment")
        total = lines_of(bill)
        if total != bill["amount"]:
            return _none(
                "held amount_mismatch", *(["held partially_refunded"] if given_back else [])
            )
        if total == 0:
            return _none("skipped zero_amount")
        return self._of_paid(bill, customer, total, given_back)

    def _of_paid(self, bill: Record, customer: Record, total: Decimal, given_back: Decimal) -> Owed:
        moment = max(each["paid_at"] for each in bill["charges"] if each["paid_at"] is not None)
        competencia = moment.astimezone(BRASILIA).date()
        if given_back:
            ends = frozenset({"held partially_refunded", "issued partially_refunded"})
            return Owed(notas=frozenset({0, 1}), ends=ends, amount=total, competencia=competencia)
        if not customer["registry_code"]:
            return _none("held customer_document_missing")
        if not customer["address"]["street"]:
            return _none("held customer_address_incomplete")
        if customer["registry_code"] in self.rejected:
            return _none("denied")
        return Owed(
            notas=frozenset({1}),
            ends=frozenset({"issued"}),
            amount=total,
            competencia=competencia,
        )

    def _ended(self, bill: Record, paid: list[Record]) -> Owed:
        """Given back or cancelled whole: no nota stands, unless the city refuses to cancel it."""
        ends = frozenset({"skipped", "cancelled"})
        if self.company.readings.cancel_takes == "states" or not paid:
            return Owed(notas=frozenset({0}), ends=ends)
        moment = max(each["paid_at"] for each in paid)
        return Owed(
            notas=frozenset({0, 1}),
            ends=ends | {"cancel_refused"},
            amount=lines_of(bill),
            competencia=moment.astimezone(BRASILIA).date(),
        )

    def _undone(self, bill: Record) -> Owed:
        """A paid charge that ended: a person reviews it, till then a nota that was out stands."""
        moment = max(each["paid_at"] for each in bill["charges"] if each["paid_at"] is not None)
        return Owed(
            notas=frozenset({0, 1}),
            ends=frozenset({"skipped", "cancelled", "held", "issued payment_undone"}),
            amount=lines_of(bill),
            competencia=moment.astimezone(BRASILIA).date(),
        )

    def _given_back(self, bill: Record) -> Decimal:
        charges = {each["id"] for each in bill["charges"]}
        return sum(
            (
                each["amount"]
                for each in self.account.transactions.values()
                if each["transaction_type"] == "refund"
                and each["status"] == "success"
                and (each["charge"] or {}).get("id") in charges
            ),
            Decimal(0),
        )

    def notas(self) -> dict[int, list[Nota]]:
        """Valid ones of the real environment by their sale."""
        found: dict[int, list[Nota]] = defaultdict(list)
        for nota in self.company.valid():
            match = EXTERNAL_ID.match(nota.external_id)
            if match is None:
                self.wrong.append(f"an id of no sale: {nota.external_id}")
            else:
                found[int(match["bill"])].append(nota)
        return found

    def judge(self, sales: dict[int, dict[str, Any]]) -> list[str]:
        """Everything that is not as it must be; empty when all is right."""
        self.wrong = []
        notas = self.notas()
        for bill in self.account.bills.values():
            self._judge(bill, sales.get(bill["id"]), notas.get(bill["id"], []))
        self.wrong += [
            f"{one}: a nota of no bill" for one in notas.keys() - self.account.bills.keys()
        ]
        return self.wrong

    def _judge(self, bill: Record, sale: dict[str, Any] | None, notas: list[Nota]) -> None:
        owed = self.owed(bill)
        said = _said(sale)
        name = f"bill {bill['id']} ({bill['status']} {bill['amount']})"
        if len(notas) not in owed.notas:
            self.wrong.append(f"{name}: {len(notas)} valid notas, sale {said}, owed {owed}")
        if not ({said, said.split(" ")[0]} & owed.ends):
            self.wrong.append(f"{name}: sale is {said!r}, owed {sorted(owed.ends)}")
        if said.split(" ")[0] == "issued" and len(notas) != 1:
            self.wrong.append(f"{name}: said to be issued, {len(notas)} valid notas")
        if notas and said.split(" ")[0] in {"skipped", "held", "denied", "waiting_payment"}:
            self.wrong.append(f"{name}: said to be {said!r}, a valid nota stands")
        for nota in notas if len(notas) == 1 else []:
            self._judge_nota(name, bill, owed, nota)

    def _judge_nota(self, name: str, bill: Record, owed: Owed, nota: Nota) -> None:
        customer = self.account.customers[bill["customer"]["id"]]
        body = nota.body
        if Decimal(str(body["valorTotal"])) != owed.amount:
            self.wrong.append(f"{name}: nota of {body['valorTotal']}, owed {owed.amount}")
        document = (body.get("cliente") or {}).get("cpfCnpj")
        if document != re.sub(r"\W", "", customer["registry_code"] or ""):
            self.wrong.append(f"{name}: nota for {document}")
        if body["cliente"]["nome"] != " ".join(customer["name"].split())[:75].strip():
            self.wrong.append(f"{name}: nota for {body['cliente']['nome']!r}, {customer['name']!r}")
        if str(body["dataCompetencia"])[:10] != str(owed.competencia):
            self.wrong.append(f"{name}: {body['dataCompetencia']}, owed {owed.competencia}")


def _none(*ends: str) -> Owed:
    return Owed(notas=frozenset({0}), ends=frozenset(ends))


def _said(sale: dict[str, Any] | None) -> str:
    """ "status code", "" for a sale that nobody knows."""
    if sale is None:
        return ""
    attention = sale.get("attention") or {}
    code = sale.get("code") or attention.get("code") or ""
    return f"{sale['status']} {code}".strip()
