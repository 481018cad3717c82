"""The breaker alone: when it opens, and how slowly it restarts."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.breaker import Breaker, Outcomes, after, again_at, probed_at_once, take

NOW = datetime(2026, 11, 10, 15, tzinfo=UTC)
BAD = Outcomes(failures_since=1)
GOOD = Outcomes(succeeded=True)


def fresh() -> Breaker:
    return Breaker(scope="issuer", since=NOW)


def opened() -> Breaker:
    return after(fresh(), Outcomes(failures_since=5), NOW)


def test_it_opens_after_five_failures_in_a_row_and_not_before() -> None:
    breaker = fresh()
    for _ in range(4):
        breaker = after(breaker, BAD, NOW)
    forgiven = after(breaker, GOOD, NOW)

    assert breaker.state == "closed"
    assert forgiven.clean
    assert after(breaker, BAD, NOW).state == "open"


def test_failures_long_ago_are_forgotten() -> None:
    breaker = fresh()
    for _ in range(4):
        breaker = after(breaker, BAD, NOW)

    assert after(breaker, BAD, NOW + timedelta(hours=1)).state == "closed"


def test_while_open_nothing_is_sent_and_then_one() -> None:
    breaker = opened()
    probe = again_at(breaker, NOW)

    assert take(breaker, 50, NOW)[1] == 0
    breaker, granted = take(breaker, 50, probe)
    assert granted == 1
    assert take(breaker, 50, probe)[1] == 0


def test_a_probe_that_fails_doubles_the_wait() -> None:
    breaker = opened()
    waits = []
    for _ in range(4):
        probe = again_at(breaker, NOW)
        breaker, _ = take(breaker, 1, probe)
        breaker = after(breaker, BAD, probe)
        waits.append(again_at(breaker, probe) - probe)

    assert waits == [timedelta(seconds=s) for s in (30, 60, 120, 240)]


def test_it_restarts_with_one_two_four_and_so_on() -> None:
    breaker, now, rounds = opened(), again_at(opened(), NOW), []
    while breaker.state != "closed":
        breaker, granted = take(breaker, 1000, now)
        rounds.append(granted)
        breaker = after(breaker, GOOD, now)

    assert rounds == [1, 2, 4, 8, 16, 32]


def test_news_of_what_was_sent_before_the_outage_do_not_end_it() -> None:
    assert after(opened(), GOOD, NOW + timedelta(seconds=1)).state == "open"


def test_a_round_nobody_reports_on_ends_by_itself() -> None:
    breaker, granted = take(opened(), 1, again_at(opened(), NOW))
    much_later = NOW + timedelta(minutes=10)

    assert granted == 1
    assert take(breaker, 1, much_later)[1] == 1


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 60), st.integers(0, 600)),
        max_size=40,
    )
)
def test_whatever_happens_no_more_is_granted_than_wanted_and_the_end_is_reached(
    steps: list[tuple[bool, int, int, int]],
) -> None:
    breaker, now = fresh(), NOW
    for succeeded, failures, wanted, seconds in steps:
        now += timedelta(seconds=seconds)
        breaker, granted = take(breaker, wanted, now)
        assert 0 <= granted <= wanted
        breaker = after(breaker, Outcomes(succeeded=succeeded, failures_since=failures), now)

    for _ in range(20):
        now = max(now, again_at(breaker, now), breaker.round_until or now)
        breaker, granted = take(breaker, 1, now)
        breaker = after(breaker, GOOD, now) if granted else breaker
    assert breaker.state == "closed"


COMPANY = Breaker(scope="company", since=NOW)


def test_one_refusal_stops_a_company_and_one_authorised_nota_lets_all_follow() -> None:
    stopped = after(COMPANY, Outcomes(failures_since=1), NOW)
    due = stopped.probe_at
    assert due is not None
    probing, granted = take(stopped, 50, due)
    mended = after(probing, Outcomes(succeeded=True), due)

    assert (stopped.state, due - NOW) == ("open", timedelta(hours=1))
    assert take(stopped, 50, NOW + timedelta(minutes=59))[1] == 0
    assert granted == 1
    assert mended.state == "closed"


def test_a_company_that_nobody_mends_is_tried_ever_more_rarely() -> None:
    breaker, now, pauses = COMPANY, NOW, []
    for _ in range(7):
        breaker = after(breaker, Outcomes(failures_since=1), now)
        assert breaker.probe_at is not None
        pauses.append((breaker.probe_at - now) // timedelta(hours=1))
        now = breaker.probe_at
        breaker, granted = take(breaker, 50, now)
        assert granted == 1

    assert pauses == [1, 2, 4, 8, 16, 24, 24]


def test_a_nota_heard_of_unasked_is_worth_one_probe() -> None:
    stopped = after(COMPANY, Outcomes(failures_since=1), NOW)
    heard = after(stopped, Outcomes(succeeded=True), NOW)

    assert heard.state == "restarting"
    assert take(heard, 50, NOW)[1] == 1


def test_a_person_has_a_stopped_company_tried_at_once_and_no_other() -> None:
    stopped = after(COMPANY, Outcomes(failures_since=1), NOW)

    assert take(probed_at_once(stopped), 50, NOW)[1] == 1
    assert probed_at_once(COMPANY) == COMPANY
