"""Thousands of accounts are spread over the interval, one pass each, however late a pass ran."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.reconciler.accounts.plan import next_pass, phase, retry
from services.reconciler.accounts.slow_lanes import slow_lanes_due
from services.reconciler.accounts.zone import zone_told
from shared.domain.ids import TenantId

EVERY = timedelta(minutes=5)
NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def tenants(count: int) -> list[TenantId]:
    return [TenantId(f"t{number:010d}") for number in range(count)]


def test_a_day_of_passes_is_one_an_interval() -> None:
    for tenant in tenants(20):
        at, passes = next_pass(tenant, NOW, EVERY), 0
        while at < NOW + DAY:
            passes += 1
            at = next_pass(tenant, at + timedelta(seconds=3), EVERY)
        assert abs(passes - 288) <= 1


def test_accounts_do_not_start_together() -> None:
    seconds = Counter(
        int((next_pass(tenant, NOW, EVERY) - NOW).total_seconds()) // 30 for tenant in tenants(3000)
    )

    assert max(seconds.values()) < 3000 / 10 * 1.5


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)), st.integers(1, 86_400))  # noqa: DTZ001 - Hypothesis wants them naive
def test_the_next_pass_is_ahead_and_within_two_intervals(at: datetime, seconds: int) -> None:
    now, every = at.replace(tzinfo=UTC), timedelta(seconds=seconds)

    wait = next_pass(TenantId("tabcdefghij"), now, every) - now

    assert timedelta(0) < wait < 2 * every


@given(st.integers(0, 10_000))
def test_a_pass_that_failed_is_tried_again_no_later_than_the_next_would_be(failures: int) -> None:
    assert NOW < retry(NOW, failures, EVERY) <= NOW + EVERY


def test_the_nightly_lanes_run_once_a_night_at_the_tenants_own_hour() -> None:
    own = phase(TenantId("tabcdefghij"))
    day = date(2026, 10, 5)
    evening = datetime(2026, 10, 5, 23, 0, tzinfo=UTC)
    before_the_hour = datetime(2026, 10, 6, 3, 30, tzinfo=UTC)  # 00:30 in Brasília
    after_the_hours = datetime(2026, 10, 6, 8, 30, tzinfo=UTC)

    assert slow_lanes_due(now=evening, done=day, every=DAY, phase=own) is None
    assert slow_lanes_due(now=before_the_hour, done=day, every=DAY, phase=own) is None
    due = slow_lanes_due(now=after_the_hours, done=day, every=DAY, phase=own)
    assert due == date(2026, 10, 6)
    assert slow_lanes_due(now=after_the_hours, done=due, every=DAY, phase=own) is None


def test_only_clear_answers_name_a_zone() -> None:
    assert zone_told(at_its_time=True, an_hour_later=False) == "brasilia"
    assert zone_told(at_its_time=True, an_hour_later=True) == "utc"
    assert zone_told(at_its_time=False, an_hour_later=False) == "unknown"
    assert zone_told(at_its_time=False, an_hour_later=True) == "unknown"
