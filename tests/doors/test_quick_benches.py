"""Short versions of `heads` and `flood`: what has to hold on every machine, however busy."""

from pathlib import Path

import pytest

from tests.bench.doors import flood_at, heads_at
from tests.bench.measure import Measure

pytestmark = pytest.mark.timeout(120)


def value(measures: list[Measure], what: str) -> float:
    return next(one.value for one in measures if one.what == what)


async def test_three_times_what_is_taken_is_refused_in_part_and_nothing_accepted_is_lost(
    database: str, redis_url: str, tmp_path: Path
) -> None:
    measures = await flood_at(database, redis_url, tmp_path, 1.0)

    assert value(measures, "refused (503)") > 0
    assert value(measures, "taken meanwhile") > 0
    assert value(measures, "accepted and lost") == 0


async def test_floods_of_heads_refuse_no_other_tenant_and_take_no_memory(
    database: str, redis_url: str
) -> None:
    measures = await heads_at(database, redis_url, 3.0)

    assert value(measures, "headers sent") > 1
    assert value(measures, "another tenant's refused") == 0
    assert value(measures, "most memory of a process") < 256
    assert value(measures, "descriptors not freed, but for pools") < 20
