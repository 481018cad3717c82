"""What is kept of a nota for the tax is what its posted body says, by a calculator of its own."""

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from shared.domain.fiscal import FiscalClass, fiscal_facts, read_class
from shared.domain.ids import ExternalId
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, Service, Suspension, Tomador, Withheld
from shared.issuer.enotas.payloads import render_nota
from tests.builders import a_day
from tests.support.accountant import Line, Sheet, recompute

NOTAS = 5000
BARE = NotaDraft(
    amount=Cents(100_000),
    competencia=a_day("2026-11-10"),
    description="Plano",
    tomador=Tomador(
        name="Padaria Fictícia", email=None, document="11222333000181", phone=None, address=None
    ),
    service=Service(),
    send_email=False,
)
EVERYTHING: dict[str, Any] = {
    "discount": Cents(100),
    "conditional_discount": Cents(200),
    "deductions": Cents(300),
    "withheld": Withheld(
        pis=Cents(1), cofins=Cents(2), csll=Cents(3), inss=Cents(4), irrf=Cents(5)
    ),
}
OF_SERVICE: dict[str, Any] = {
    "export": True,
    "immunity": "1",
    "suspension": Suspension(kind="1", process="0001"),
}


def posts(draft: NotaDraft) -> bool:
    """Whether the body says more than the bare one: a field the issuer is not told is not used."""
    key = ExternalId("k")
    return render_nota(key, draft, "Producao") != render_nota(key, BARE, "Producao")


TOLD = [name for name, value in EVERYTHING.items() if posts(replace(BARE, **{name: value}))]
TOLD_OF_SERVICE = [
    name
    for name, value in OF_SERVICE.items()
    if posts(replace(BARE, service=replace(BARE.service, **{name: value})))
]


def a_draft(dice: random.Random) -> NotaDraft:
    service = Service(
        lc116=dice.choice(("1.07", "1.09", "8.02", None)),
        municipal_code=dice.choice((None, "10901", "02800")),
        national_code=dice.choice((None, "010501")),
        nbs=dice.choice((None, "115090000")),
        iss_rate=dice.choice((None, "2", "2.00", "2.79", "3.125", "4.9999", "5")),
        iss_withheld=dice.random() < 0.3,
        ibs_cbs_class=dice.choice((None, "000001")),
    )
    if TOLD_OF_SERVICE and dice.random() < 0.2:
        name = dice.choice(TOLD_OF_SERVICE)
        service = replace(service, **{name: OF_SERVICE[name]})
    draft = replace(BARE, amount=Cents(dice.randint(100, 9_999_999)), service=service)
    for name in TOLD:
        if dice.random() < 0.4:
            draft = replace(draft, **{name: _some(dice, name)})
    return draft


def _some(dice: random.Random, name: str) -> object:
    if name == "withheld":
        pis, cofins, csll, inss, irrf = (Cents(dice.randint(0, 99_999)) for _ in range(5))
        return Withheld(pis=pis, cofins=cofins, csll=csll, inss=inss, irrf=irrf)
    return Cents(dice.randint(0, 99_999))


def test_5000_random_notas_add_up_to_what_their_bodies_say() -> None:
    dice = random.Random(5_000)
    drafts = [a_draft(dice) for _ in range(NOTAS)]
    bodies = [render_nota(ExternalId(f"k{n}"), one, "Producao") for n, one in enumerate(drafts)]

    kept = added_up(drafts)

    expected = recompute(bodies)
    assert kept.keys() == expected.keys()
    for line, sheet in expected.items():
        assert (kept[line].notas, kept[line].amounts) == (sheet.notas, sheet.amounts), line


def added_up(drafts: list[NotaDraft]) -> dict[Line, Sheet]:
    found: dict[Line, Sheet] = defaultdict(Sheet)
    for draft in drafts:
        facts = fiscal_facts(draft)
        told = read_class(facts.fiscal_class)
        sheet = found[line_of(told)]
        sheet.notas += 1
        total = facts.amount + facts.discount + facts.conditional_discount
        withheld = told.iss_withheld and told.taxation != "suspended"
        kind = "suspended" if told.taxation == "suspended" else "withheld" if withheld else "own"
        iss = facts.iss or 0
        federal = facts.pis + facts.cofins + facts.csll + facts.inss + facts.irrf
        for name, cents in {
            "total": total,
            "discount": facts.discount,
            "conditional_discount": facts.conditional_discount,
            "deductions": facts.deductions,
            "base": max(0, total - facts.discount - facts.deductions),
            **dict.fromkeys(("iss_own", "iss_withheld", "iss_suspended"), 0),
            f"iss_{kind}": iss,
            "pis": facts.pis,
            "cofins": facts.cofins,
            "csll": facts.csll,
            "inss": facts.inss,
            "irrf": facts.irrf,
            "net": facts.amount - federal - (iss if withheld else 0),
        }.items():
            sheet.amounts[name] += Decimal(cents) / 100
    return dict(found)


def line_of(told: FiscalClass) -> Line:
    return (
        told.municipal_code,
        told.lc116,
        told.national_code,
        told.nbs,
        None if told.iss_rate is None else Decimal(told.iss_rate).normalize(),
        told.iss_withheld,
        told.taxation,
        told.ibs_cbs_class,
        told.ibs_cbs_operation,
    )
