"""`python -m tests.bench [NAME…]`: runs benchmarks, prints a table, writes build/bench.json."""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.bench import (
    backfill,
    claims,
    closing,
    decisions,
    denials,
    doors,
    emitter,
    emitters,
    fairness,
    fleet,
    forged,
    fuzz,
    ingest,
    nota_cpu,
    pages,
    reconcile_idle,
    renewal,
    stream,
    trickle,
    up,
)
from tests.bench.measure import Measure, show, write

# A bench gets an empty folder and returns what it measured.
Bench = Callable[[Path], Awaitable[list[Measure]]]
BENCHES: Final[Mapping[str, Bench]] = {
    "ingest": ingest.run,
    "latency": emitter.latency,
    "stream": stream.run,
    "emitter": emitter.throughput,
    "nota-cpu": nota_cpu.run,
    "emitters": emitters.run,
    "fairness": fairness.run,
    "renewal": renewal.run,
    "trickle": trickle.run,
    "idle": reconcile_idle.run,
    "backfill": backfill.run,
    "closing": closing.run,
    "denials": denials.run,
    "decide": decisions.run,
}
# Minutes long each, so only by name: `make bench ARGS=claims`, or `make bench-claims`.
BY_NAME_ONLY: Final[Mapping[str, Bench]] = {
    "claims": claims.run,
    "pages": pages.run,
    "fleet": fleet.run,
    "heads": doors.heads,
    "flood": doors.flood,
    "fuzz": fuzz.run,
    "forged": forged.run,
    "up": up.run,
}
REPORT: Final = Path("build/bench.json")


def main(names: Sequence[str]) -> int:
    """Run the named benches, or all; 1 when a bar was missed, 2 for an unknown name."""
    known = {**BENCHES, **BY_NAME_ONLY}
    if unknown := set(names) - set(known):
        sys.stderr.write(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}\n")
        return 2
    measures = [one for name in names or BENCHES for one in _run(known[name])]
    show(measures)
    write(measures, REPORT)
    return int(any(one.passed is False for one in measures))


def _run(bench: Bench) -> list[Measure]:
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(_awaited(bench(Path(folder))))


async def _awaited(measures: Awaitable[list[Measure]]) -> list[Measure]:
    return await measures


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
