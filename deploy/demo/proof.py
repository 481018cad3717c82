"""The proof: our sales against Vindi's books and the issuer's, to the cent. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from deploy.demo.stage import Booked
from deploy.demo.stories import Ending

# Statuses of interface section 5 under which a nota is valid.
WITH_NOTA: Final = frozenset({"issued", "cancelling", "cancel_refused"})
# Statuses that are a reason by themselves; every other one without a nota needs a code.
SPEAKING: Final = frozenset({"waiting_payment", "in_guarantee", "cancelled"})
# As the issuer writes them.
VALID: Final = frozenset({"Autorizada", "AutorizadaAguardandoGeracaoPDF", "CancelamentoNegado"})

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sales that ended alike."""

    status: str
    code: str | None
    sales: int
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What adds up, and in words everything that does not."""

    groups: Sequence[Group]
    bills: int
    bills_cents: int
    notas: int
    notas_cents: int
    problems: Sequence[str]

    @property
    def difference(self) -> int:
        """Vindi's total less the groups' total, in centavos."""
        return self.bills_cents - sum(group.cents for group in self.groups)


def cents_of(reais: str | float) -> int:
    """Centavos of an amount as any of the books writes it."""
    return int((Decimal(str(reais)) * 100).to_integral_value())


def ending_of(sale: Json) -> Ending:
    """Where a sale is now."""
    return Ending(status=sale["status"], code=code_of(sale))


def code_of(sale: Json) -> str | None:
    """Why, as a stable word; None where the status says it."""
    attention = sale["attention"]
    return sale["code"] or (attention["code"] if attention else None)


def unfinished(booked: Iterable[Booked], sales: Mapping[int, Json], *, last: bool) -> list[Booked]:
    """The stories whose sale is not yet where it should rest."""
    return [
        one
        for one in booked
        if one.bill_id not in sales
        or ending_of(sales[one.bill_id]) != (one.story.last if last else one.story.first)
    ]


def prove(
    *, bills: Mapping[int, Json], sales: Mapping[int, Json], notas: Iterable[Json],
    invariants: Json, closings: Iterable[Json],
) -> Proof:  # fmt: skip
    """Compare the three books. `bills` are Vindi's own, `notas` the issuer's own."""
    valid = _valid_by_bill(notas)
    problems = [
        *_coverage(bills, sales),
        *_nota_or_reason(bills, sales, valid),
        *(f"the issuer saw: {rule} ({count})" for rule, count in invariants["counts"].items()),
        *(f"the closing of {c['month']} does not balance" for c in closings if not c["balanced"]),
    ]
    everything = [nota for found in valid.values() for nota in found]
    expected = sum(len(sale["notas"]) for sale in sales.values() if sale["status"] in WITH_NOTA)
    proof = Proof(
        groups=_groups(bills, sales, valid),
        bills=len(bills),
        bills_cents=sum(cents_of(bill["amount"]) for bill in bills.values()),
        notas=len(everything),
        notas_cents=sum(cents_of(nota["valorTotal"]) for nota in everything),
        problems=(),
    )
    if proof.difference:
        problems.append(f"the amounts differ by {proof.difference} centavos")
    if expected != proof.notas:
        problems.append(f"{expected} notas are issued, the issuer holds {proof.notas} valid ones")
    return Proof(
        groups=proof.groups, bills=proof.bills, bills_cents=proof.bills_cents, notas=proof.notas,
        notas_cents=proof.notas_cents, problems=tuple(problems),
    )  # fmt: skip


def _valid_by_bill(notas: Iterable[Json]) -> dict[int, list[Json]]:
    found: dict[int, list[Json]] = defaultdict(list)
    for nota in notas:
        if nota["status"] in VALID:
            found[int(_sale_of(nota).split("x")[0])].append(nota)
    return found


def _sale_of(nota: Json) -> str:
    """The sale in `{h|p}-{tenant}-{bill_id}[x{part}]-{revision}`, interface section 5."""
    word: str = nota["idExterno"].split("-")[2]
    return word


def _coverage(bills: Mapping[int, Json], sales: Mapping[int, Json]) -> list[str]:
    missing = sorted(bills.keys() - sales.keys())
    extra = sorted(sales.keys() - bills.keys())
    return [
        *(f"bill {bill} is at Vindi and not among the sales" for bill in missing),
        *(f"sale {bill} has no bill at Vindi" for bill in extra),
    ]


def _nota_or_reason(
    bills: Mapping[int, Json], sales: Mapping[int, Json], valid: Mapping[int, Sequence[Json]]
) -> list[str]:
    problems = []
    for bill_id, sale in sales.items():
        notas = valid.get(bill_id, ())
        if len(notas) > len({_sale_of(nota) for nota in notas}):
            problems.append(f"sale {bill_id} has {len(notas)} valid notas")
        if sale["status"] not in WITH_NOTA:
            if notas:
                problems.append(f"sale {bill_id} is {sale['status']} and has a valid nota")
            if sale["status"] not in SPEAKING and code_of(sale) is None:
                problems.append(f"sale {bill_id} is {sale['status']} without a reason")
        elif not notas:
            problems.append(f"sale {bill_id} is {sale['status']} and the issuer has no nota")
        else:
            problems.extend(_same(bill_id, bills.get(bill_id), sale, notas))
    return problems


def _same(bill_id: int, bill: Json | None, sale: Json, notas: Sequence[Json]) -> list[str]:
    problems = []
    whole = sum(cents_of(nota["valorTotal"]) for nota in notas)
    if bill is not None and cents_of(bill["amount"]) != whole:
        problems.append(f"sale {bill_id}: what its notas say is not the bill's amount")
    if {nota["number"] for nota in sale["notas"]} != {nota.get("numero") for nota in notas}:
        problems.append(f"sale {bill_id}: the issuer's number for a nota is another")
    return problems


def _groups(
    bills: Mapping[int, Json], sales: Mapping[int, Json], valid: Mapping[int, Sequence[Json]]
) -> list[Group]:
    """Sales by status and code; a nota counts with the issuer's amount, all else with Vindi's."""
    count: Counter[Ending] = Counter()
    cents: Counter[Ending] = Counter()
    for bill_id, sale in sales.items():
        ending = ending_of(sale)
        count[ending] += 1
        if sale["status"] in WITH_NOTA:
            cents[ending] += sum(cents_of(nota["valorTotal"]) for nota in valid.get(bill_id, ()))
        elif bill_id in bills:
            cents[ending] += cents_of(bills[bill_id]["amount"])
    return [
        Group(status=ending.status, code=ending.code, sales=number, cents=cents[ending])
        for ending, number in sorted(count.items(), key=lambda pair: (-pair[1], pair[0].status))
    ]
