"""How long one decision takes: a pure function on every sale's way."""

import gc
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.domain.decide import decide
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from tests.bench.measure import Measure
from tests.builders import NOW, PAID_AT, a_bill, a_customer, a_nota, a_rule, a_sale, terms

ROUNDS: Final = 2_000
BAR_MICROSECONDS: Final = 50.0
BAR_DRAFT: Final = 60.0  # with its draft, whatever is stated of it
BAR_RATIO: Final = 3.0
MANY_FIELDS: Final = {
    "lc116": "17.01",
    "iss_rate": "5.00",
    "withholdings": {"irrf": "1.50", "pis": "0.65", "cofins": "3.00", "csll": "1.00"},
    "pis_cofins_situation": "01",
    "place": {"city": "São Paulo", "state": "SP"},
    "nature": "1",
    "deduction_rate": "10.00",
    "show_discounts": True,
    "observations": "Fatura {fatura}, {competencia}",
    "approximate_taxes": "13.45",
    "more_emails": ["fiscal@cliente.example"],
    "extras": {"valorTotalRecebido": "{valor}"},
}


async def run(_: Path) -> list[Measure]:
    """Decide a sale that is issued, one in guarantee, one given back; medians."""
    ruled, agreed = a_rule(), terms()
    guarded = a_rule(issue_when="guarantee_ended", guarantee_days=7)
    plain, early = a_sale(), PAID_AT + timedelta(hours=1)
    given_back = a_sale(
        nota=a_nota(NotaStatus.ISSUED),
        refunds={ChargeId(50): Cents(10_000)},
    )
    stating, company = a_rule(service=MANY_FIELDS), a_sale(customer=a_customer())
    told = a_sale(
        a_bill(
            metadata={"nota_irrf": "1,5", "nota_observacoes": "Fatura {fatura}", "pedido": "77"}
        ),
        customer=a_customer(metadata={"nota_iss_retido": "não", "id_erp": "99"}),
    )
    paid = _measure("a paid sale, up to its draft", lambda: decide(plain, ruled, agreed, NOW))
    full = _measure("the same of many fields", lambda: decide(company, stating, agreed, NOW))
    return [
        paid,
        _against(full, paid),
        _measure(
            "of many fields and metadata", lambda: decide(told, stating, agreed, NOW), bar=BAR_DRAFT
        ),
        _measure("a sale in guarantee", lambda: decide(plain, guarded, agreed, early)),
        _measure("a nota given back", lambda: decide(given_back, ruled, agreed, NOW)),
    ]


def _against(full: Measure, paid: Measure) -> Measure:
    """A rule that states much, against one that states nothing, in the same run."""
    ratio = full.value / paid.value
    return Measure(
        bench=full.bench,
        what=f"{full.what}: {full.value:.1f} µs",
        value=ratio,
        unit="times that",
        bar=f"< {BAR_RATIO:.0f}",
        passed=ratio < BAR_RATIO,
    )


def _measure(what: str, decision: Callable[[], object], bar: float = BAR_MICROSECONDS) -> Measure:
    took = []
    gc.disable()
    try:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            decision()
            took.append(time.perf_counter() - began)
    finally:
        gc.enable()
    median = statistics.median(took) * 1e6
    return Measure(
        bench="decide",
        what=what,
        value=median,
        unit="µs (median)",
        bar=f"< {bar:.0f}",
        passed=median < bar,
    )
