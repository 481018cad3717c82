"""`python -m deploy.simulate`: what waits for what, and how many emitters it takes, in a month.

A model in discrete events, seeded: tenants of very different sizes, a renewal day on which much of
the month falls due within hours, the budget of each Vindi account, the pace of each issuer key, and
emitters that all tenants share. What its numbers rest on stands in docs/scale.md.
"""

import math
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

DAY: Final = 86_400.0
MOST_PODS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is simulated; times in seconds. The defaults are those of the settings and docs."""

    tenants: int = 10_000
    sales: int = 1_000_000  # of all tenants, in the month
    days: int = 30
    renewal_day: int = 4  # counted from 0
    renewal_share: float = 0.4  # of each tenant's sales, at that day's renewal
    renewal_hours: float = 6.0
    spread: float = 1.3  # sigma of the logarithm of a tenant's size: the largest has thousands
    requests_a_minute: int = 96  # VINDI_REQUESTS_PER_MINUTE less VINDI_LEAVE_PERCENT
    bills_a_page: int = 50
    requests_a_page: int = 2  # its bills, and their customers
    linger: float = 1.0  # between two pages of one account, so that a page is worth it
    issuer_a_second: float = 5.0  # ISSUER_REQUESTS_PER_SECOND
    issuer_parallel: int = 4
    issuer_seconds: float = 0.8  # how long a POST takes
    processor_seconds: float = 0.00075  # an emitter's own, a nota: docs/benchmarks.md
    pod_share: float = 0.5  # of a core: what an emitter may use before its queue grows
    age: float = 5.0  # how long a nota may wait for an emitter, p99
    seed: int = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it; waits in seconds, sorted."""

    sales: int
    budget_waits: Sequence[float]  # for a place in the Vindi account's minute
    issuer_waits: Sequence[float]  # for the issuer key's pace
    ages: Sequence[float]  # from due to sent, with unlimited emitters
    busiest_second: int  # notas that want to leave in it
    pods: int
    pod_waits: Sequence[float]  # for an emitter, with that many


def simulate(world: World) -> Outcome:
    """Run a month; the same world gives the same outcome."""
    budget: list[float] = []
    pace: list[float] = []
    ages: list[float] = []
    leaving: list[float] = []
    for due in tenant_sales(world):
        read = list(_read(world, due))
        sent = list(_sent(world, read))
        budget += (there - when for there, when in zip(read, due, strict=True))
        pace += (gone - there for gone, there in zip(sent, read, strict=True))
        ages += (gone - when for gone, when in zip(sent, due, strict=True))
        leaving += sent
    leaving.sort()
    pods, waits = _pods(world, leaving)
    return Outcome(
        sales=len(leaving),
        budget_waits=sorted(budget),
        issuer_waits=sorted(pace),
        ages=sorted(ages),
        busiest_second=_busiest(leaving),
        pods=pods,
        pod_waits=waits,
    )


def tenant_sales(world: World) -> Iterator[Sequence[float]]:
    """Of each tenant the moments, in seconds from the month's beginning, at which a sale is due."""
    chance = random.Random(world.seed)  # noqa: S311 - a model, not a secret
    for size in _sizes(world, chance):
        yield sorted(_due(world, size, chance))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of sorted values does not exceed; 0 of none."""
    return values[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


def _sizes(world: World, chance: random.Random) -> Iterator[int]:
    weights = [chance.lognormvariate(0, world.spread) for _ in range(world.tenants)]
    whole = sum(weights)
    given, weighed = 0, 0.0
    for weight in weights:
        weighed += weight
        upto = round(world.sales * weighed / whole)
        yield upto - given
        given = upto


def _due(world: World, sales: int, chance: random.Random) -> Iterator[float]:
    for _ in range(sales):
        if chance.random() < world.renewal_share:
            begins = world.renewal_day * DAY
            yield begins + chance.random() * world.renewal_hours * 3_600
        else:
            yield chance.random() * world.days * DAY


def _read(world: World, due: Sequence[float]) -> Iterator[float]:
    """When each bill was read: what waits together shares a page, a minute has its budget."""
    minute, spent, free, at = -1.0, 0, 0.0, 0
    while at < len(due):
        start = max(due[at], free)
        if start // 60 > minute:
            minute, spent = start // 60, 0
        elif spent + world.requests_a_page > world.requests_a_minute:
            minute, spent = minute + 1, 0
            start = max(start, minute * 60)
        taken = at
        while taken < len(due) and due[taken] <= start and taken - at < world.bills_a_page:
            yield start
            taken += 1
        at, spent, free = taken, spent + world.requests_a_page, start + world.linger


def _sent(world: World, read: Iterable[float]) -> Iterator[float]:
    """When each nota left: by the key's pace, and with so many requests under way at most."""
    before = -math.inf
    ends: deque[float] = deque(maxlen=world.issuer_parallel)
    for ready in read:
        start = max(ready, before + 1 / world.issuer_a_second)
        if len(ends) == world.issuer_parallel:
            start = max(start, ends[0])
        ends.append(start + world.issuer_seconds)
        before = start
        yield start


def _pods(world: World, leaving: Sequence[float]) -> tuple[int, Sequence[float]]:
    """The fewest emitters with which a nota waits for one no longer than `age`, p99 of an hour."""
    crowded = _crowded_hour(leaving)
    for pods in range(1, MOST_PODS):
        waits = sorted(_served(world, crowded, pods))
        if quantile(waits, 0.99) <= world.age:
            return pods, waits
    return MOST_PODS, waits


def _served(world: World, arrivals: Iterable[float], pods: int) -> Iterator[float]:
    each = world.processor_seconds / world.pod_share
    free = [0.0] * pods
    heapify(free)
    for at in arrivals:
        start = max(at, free[0])
        heapreplace(free, start + each)
        yield start - at


def _crowded_hour(leaving: Sequence[float]) -> Sequence[float]:
    counts: dict[int, int] = {}
    for at in leaving:
        counts[int(at // 3_600)] = counts.get(int(at // 3_600), 0) + 1
    most = max(counts, key=lambda hour: counts[hour], default=0)
    return [at for at in leaving if int(at // 3_600) == most]


def _busiest(leaving: Sequence[float]) -> int:
    counts: dict[int, int] = {}
    for at in leaving:
        counts[int(at)] = counts.get(int(at), 0) + 1
    return max(counts.values(), default=0)


def main(
    tenants: Annotated[int, typer.Option(min=1)] = 10_000,
    sales: Annotated[int, typer.Option(min=1, help="Of all tenants, in the month.")] = 1_000_000,
    renewal_hours: Annotated[float, typer.Option(min=0)] = 6.0,
    seed: int = 13,
) -> None:
    """Simulate a month with a renewal day, and print who waited how long for what."""
    world = World(tenants=tenants, sales=sales, renewal_hours=renewal_hours, seed=seed)
    Console().print(_table(world, simulate(world)))


def _table(world: World, outcome: Outcome) -> Table:
    table = Table("seconds", "p50", "p99", "p99.9", "most", title=f"{world}", title_justify="left")
    rows = {
        "wait for the Vindi budget": outcome.budget_waits,
        "wait for the issuer's pace": outcome.issuer_waits,
        "from due to sent": outcome.ages,
        f"wait for one of {outcome.pods} emitters": outcome.pod_waits,
    }
    for name, values in rows.items():
        table.add_row(name, *(f"{quantile(values, one):.1f}" for one in (0.5, 0.99, 0.999, 1)))
    table.caption = f"{outcome.sales} sales; {outcome.busiest_second} in the busiest second"
    return table


if __name__ == "__main__":
    typer.run(main)
