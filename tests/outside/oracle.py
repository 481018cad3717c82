"""What must be, computed from the stand-ins' own records and never from the product's.

Two rules are judged, `bill_paid` and `guarantee_ended`, with one service or two: each sale ends as
its valid notas of the right amounts, buyer and competência, or as a reason that the papers allow.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.outside.enotas.records import Company, Nota
from tests.outside.vindi.records import BRASILIA, Account, Record, lines_of, midnight

EXTERNAL_ID = re.compile(
    r"^(?P<env>[hp])-(?P<tenant>[A-Za-z0-9]+)-(?P<bill>\d+)(x\d+)?-(?P<rev>\d+)$"
)

ENDED = frozenset({"issued", "denied", "held", "skipped", "cancelled", "cancel_refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """How a sale may end."""

    ends: frozenset[str]  # "status" or "status code"
    amounts: tuple[Decimal, ...] = ()  # of its notas, one a service
    # "all", "none": how many of them may stand; "some": as many as had been issued by then
    all_or_none: frozenset[str] = frozenset()
    competencia: date | None = None


@dataclass(slots=True, kw_only=True)
class Judge:
    """Compares one tenant's world with what the product made of it."""

    account: Account
    company: Company
    companies: list[Company] = field(default_factory=list)  # where it issued before
    neighbours: list[Account] = field(default_factory=list)  # whose notas may be beside ours
    rule: dict[str, Any] = field(default_factory=lambda: {"issue_when": "bill_paid"})
    rejected: set[str] = field(default_factory=set)  # documents whose notas the city denies
    tested: bool = False  # it has been in Homologacao for a while
    # Rules of before, each with the bills that there were when another took its place.
    rules: list[tuple[dict[str, Any], set[int]]] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)  # cancelled in the issuer's panel
    passed: set[int] = field(default_factory=set)  # denied, and authorised in the issuer's panel
    taken_back: set[int] = field(default_factory=set)  # by a person
    chosen: dict[int, Decimal] = field(default_factory=dict)  # amounts, by a person
    past: set[int] = field(default_factory=set)  # paid in full before the activation
    imported: bool = False  # the past was asked for
    asked_for: set[int] = field(default_factory=set)  # what there was when it was
    wrong: list[str] = field(default_factory=list)

    def is_spoken_for(self, number: int) -> bool:
        """Whether somebody has said already what is to become of this sale."""
        return number in self.gone | self.taken_back | self.passed

    def would_be_issued(self, number: int) -> bool:
        """Whether a nota of it would stand, had nobody taken it back."""
        owed = self._usual(self.account.bills[number])
        return "issued" in owed.ends and "all" in owed.all_or_none

    def ways(self, bill: Record) -> list[Owed]:
        """How it may end: by the rule in force, or as it was issued under one of before."""
        number = bill["id"]
        if number in self.past and not self.imported:
            return [_none("", "skipped", "held")]
        if number in self.gone:
            return [_none("cancelled")]
        ways = [self.owed(bill)]
        if number in self.asked_for:  # if the stream had not taken it by then
            ways.append(replace(ways[0], competencia=self._moment(bill).date()))
        last = self.rule
        for rule, known in self.rules:
            if number in known:
                self.rule = rule
                owed = self.owed(bill)
                kept = owed.all_or_none - {"none"}
                ways += [replace(owed, all_or_none=kept)] if kept else []
        self.rule = last
        return ways

    def owed(self, bill: Record) -> Owed:
        if bill["id"] in self.taken_back:
            return self._ended(bill, [each for each in bill["charges"] if each["paid_at"]])
        return self._usual(bill)

    def _usual(self, bill: Record) -> Owed:
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
        if total != bill["amount"] and bill["id"] not in self.chosen:
            return _none(
                "held amount_mismatch", *(["held partially_refunded"] if given_back else [])
            )
        if total == 0:
            return _none("skipped zero_amount")
        return self._of_paid(bill, customer, given_back)

    def _of_paid(self, bill: Record, customer: Record, given_back: Decimal) -> Owed:
        due, competencia = self._due(bill)
        amounts = self.parts(bill)
        if given_back:
            ends = frozenset({"held partially_refunded", "issued partially_refunded"})
            return _maybe(ends, amounts, competencia)
        unclear = self._questions(bill)
        if due > datetime.now(BRASILIA):
            return _none("in_guarantee", *unclear)
        if _is_closed(competencia) and bill["id"] not in self.past:
            return _maybe(frozenset({"held competencia_month_closed"}), amounts, competencia)
        if not customer["registry_code"]:
            return _none("held customer_document_missing", *unclear)
        if not customer["address"]["street"]:
            return _none("held customer_address_incomplete", *unclear)
        if customer["registry_code"] in self.rejected and bill["id"] not in self.passed:
            return _none("denied", *unclear)
        return Owed(
            ends=frozenset({"issued", *unclear}),
            amounts=amounts,
            all_or_none=frozenset({"all", *(["none"] if unclear else [])}),
            competencia=competencia,
        )

    def _questions(self, bill: Record) -> set[str]:
        """What may be asked of a person where the world is such that it cannot be told."""
        asked = {"held activation_unclear"} if self._cannot_be_told(bill) else set()
        if any(each.readings.ids == "absent" for each in self._all_companies()):
            asked.add("held possible_duplicate")  # a nota in doubt may be anybody's by then
        if self.tested:
            asked.add("held issued_as_test")  # one that the issuer showed only afterwards
        return asked

    def parts(self, bill: Record) -> tuple[Decimal, ...]:
        """The amount of each nota that the bill is divided into."""
        if bill["id"] in self.chosen:
            return (self.chosen[bill["id"]],)
        own = self.rule.get("services_by_product_code") or {}
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for line in bill["bill_items"]:
            code = line["product"]["code"]
            sums[code if code in own else ""] += line["amount"]
        return tuple(sorted(each for each in sums.values() if each > 0))

    def _due(self, bill: Record) -> tuple[datetime, date | None]:
        """When its nota is due, and the day that it is dated."""
        moment = self._moment(bill)
        if self.rule["issue_when"] != "guarantee_ended":
            return moment, moment.date()
        ends = midnight(moment) + timedelta(days=self.rule["guarantee_days"] + 1)
        # What is imported with its own days is dated by its moment.
        return ends, moment.date() if bill["id"] in self.past else ends.date()

    def _moment(self, bill: Record) -> datetime:
        """Its last payment; now, while there is none."""
        moments = [each["paid_at"] for each in bill["charges"] if each["paid_at"] is not None]
        return max(moments, default=datetime.now(BRASILIA)).astimezone(BRASILIA)

    def _cannot_be_told(self, bill: Record) -> bool:
        """A boleto dated before the activation, of which nobody is told when it was recorded."""
        readings = self.account.readings
        untold = readings.registers or readings.last == "null" or "charge_id" in readings.refuses
        return bool(untold) and any(
            each["payment_method"]["code"] == "online_bank_slip"
            and each["paid_at"] is not None
            and each["paid_at"] < datetime.now(BRASILIA) - timedelta(hours=1)
            for each in bill["charges"]
        )

    def _ended(self, bill: Record, paid: list[Record]) -> Owed:
        """Given back or cancelled whole: no nota stands, unless the city refuses to cancel it."""
        ends = frozenset({"skipped", "cancelled"})
        takes = {each.readings.cancel_takes for each in self._all_companies()}
        if takes == {"states"} or not paid:
            return _none(*ends)
        owed = _maybe(ends | {"cancel_refused"}, self.parts(bill), self._due(bill)[1])
        return replace(owed, all_or_none=owed.all_or_none | {"some"})

    def _undone(self, bill: Record) -> Owed:
        """A paid charge that ended: a person reviews it, till then a nota that was out stands."""
        ends = frozenset(
            {"skipped", "cancelled", "held", "issued payment_undone", "cancel_refused"}
        )
        return _maybe(ends, self.parts(bill), self._due(bill)[1])

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

    def _all_companies(self) -> list[Company]:
        return [self.company, *self.companies]

    def notas(self) -> dict[int, list[Nota]]:
        """Valid ones of the real environment by their sale."""
        found: dict[int, list[Nota]] = defaultdict(list)
        others = {number for each in self.neighbours for number in each.bills}
        for nota in _valid(self._all_companies()):
            match = EXTERNAL_ID.match(nota.external_id)
            if match is None:
                self.wrong.append(f"an id of no sale: {nota.external_id}")
            elif int(match["bill"]) not in others:
                found[int(match["bill"])].append(nota)
        return found

    def judge(self, sales: dict[int, dict[str, Any]]) -> list[str]:
        """Everything that is not as it must be; empty when all is right."""
        self.wrong = []
        notas = self.notas()
        for bill in self.account.bills.values():
            self.wrong += self._judged(bill, sales.get(bill["id"]), notas.get(bill["id"], []))
        self.wrong += [
            f"{one}: a nota of no bill" for one in notas.keys() - self.account.bills.keys()
        ]
        return self.wrong

    def _judged(self, bill: Record, sale: dict[str, Any] | None, notas: list[Nota]) -> list[str]:
        """What is wrong by the rule in force, unless it is right by one of before."""
        told = [list(self._judge(owed, bill, sale, notas)) for owed in self.ways(bill)]
        return told[0] if all(told) else []

    def _judge(
        self, owed: Owed, bill: Record, sale: dict[str, Any] | None, notas: list[Nota]
    ) -> Iterator[str]:
        said = _said(sale)
        name = f"bill {bill['id']} ({bill['status']} {bill['amount']})"
        amounts = tuple(sorted(Decimal(str(each.body["valorTotal"])) for each in notas))
        told = f"{len(notas)} valid notas {[str(each) for each in amounts]}"
        right = {"all": owed.amounts, "none": ()}
        some = "some" in owed.all_or_none and not Counter(amounts) - Counter(owed.amounts)
        if not some and amounts not in {right[each] for each in owed.all_or_none - {"some"}}:
            yield f"{name}: {told}, sale {said}, owed {owed}"
        if not ({said, said.split(" ")[0]} & owed.ends):
            yield f"{name}: sale is {said!r}, owed {sorted(owed.ends)}"
        if said.split(" ")[0] == "issued" and amounts != owed.amounts:
            yield f"{name}: said to be issued, {told}"
        if notas and said.split(" ")[0] in {"skipped", "held", "denied", "waiting_payment"}:
            yield f"{name}: said to be {said!r}, {told}"
        for nota in notas:
            yield from self._judge_nota(name, bill, owed, nota)

    def _judge_nota(self, name: str, bill: Record, owed: Owed, nota: Nota) -> Iterator[str]:
        customer = self.account.customers[bill["customer"]["id"]]
        body = nota.body
        document = (body.get("cliente") or {}).get("cpfCnpj")
        if document != re.sub(r"\W", "", customer["registry_code"] or ""):
            yield f"{name}: nota for {document}"
        if body["cliente"]["nome"] != " ".join(customer["name"].split())[:75].strip():
            yield f"{name}: nota for {body['cliente']['nome']!r}, {customer['name']!r}"
        if str(body["dataCompetencia"])[:10] != str(owed.competencia):
            yield f"{name}: {body['dataCompetencia']}, owed {owed.competencia}"

    def repeated(self) -> list[str]:
        """Requests to issue that should not have been made, to companies that do not forget."""
        return [
            f"{nota.external_id} asked for {nota.posts} times: {nota.history}"
            for company in self._all_companies()
            if company.readings.forgets < 5
            for nota in company.notas
            if nota.posts > 1 + nota.history.count("Negada")
        ] + [
            f"{each} is there {times} times"
            for company in self._all_companies()
            if company.readings.forgets < 5
            for each, times in Counter(nota.external_id for nota in company.notas).items()
            if times > 1
        ]


def _valid(companies: Iterable[Company]) -> list[Nota]:
    return [nota for company in companies for nota in company.valid()]


def _is_closed(competencia: date | None) -> bool:
    """Whether a past month is dated no more: after the fifth day of the next one."""
    today = datetime.now(BRASILIA).date()
    if competencia is None or (competencia.year, competencia.month) >= (today.year, today.month):
        return False
    last = today.replace(day=1) - timedelta(days=1)
    is_last_month = (competencia.year, competencia.month) == (last.year, last.month)
    return not is_last_month or today.day > 5


def _none(*ends: str) -> Owed:
    return Owed(ends=frozenset(ends), all_or_none=frozenset({"none"}))


def _maybe(ends: frozenset[str], amounts: tuple[Decimal, ...], competencia: date | None) -> Owed:
    return Owed(
        ends=ends,
        amounts=amounts,
        all_or_none=frozenset({"all", "none"}),
        competencia=competencia,
    )


def _said(sale: dict[str, Any] | None) -> str:
    """ "status code", "" for a sale that nobody knows."""
    if sale is None:
        return ""
    attention = sale.get("attention") or {}
    code = sale.get("code") or attention.get("code") or ""
    return f"{sale['status']} {code}".strip()
