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
from tests.builders import NOW, PAID_AT, a_nota, a_rule, a_sale, terms

ROUNDS: Final = 2_000
BAR_MICROSECONDS: Final = 50.0


async def run(_: Path) -> list[Measure]:
    """Decide a sale that is issued, one in guarantee, one given back; medians."""
    ruled, agreed = a_rule(), terms()
    guarded = a_rule(issue_when="guarantee_ended", guarantee_days=7)
    plain, early = a_sale(), PAID_AT + timedelta(hours=1)
    given_back = a_sale(
        nota=a_nota(NotaStatus.ISSUED),
        refunds={ChargeId(50): Cents(10_000)},
    )
    return [
        _measure("a paid sale, up to its draft", lambda: decide(plain, ruled, agreed, NOW)),
        _measure("a sale in guarantee", lambda: decide(plain, guarded, agreed, early)),
        _measure("a nota given back", lambda: decide(given_back, ruled, agreed, NOW)),
    ]


def _measure(what: str, decision: Callable[[], object]) -> Measure:
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
        bar=f"< {BAR_MICROSECONDS:.0f}",
        passed=median < BAR_MICROSECONDS,
    )
