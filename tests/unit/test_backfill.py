"""What counts for a backfill, without a database."""

from datetime import date, timedelta

import pytest

from shared.domain.backfill import Foreseen, Window, foresee, window_moment
from shared.domain.backfill_run import Group, Summary, summarise
from shared.domain.bill import BillStatus
from shared.domain.decide import decide
from shared.domain.decision import Hold, Keep, NeedsCustomer, NotYet, Skip
from shared.domain.money import NOTHING, Cents
from tests.builders import (
    NOW,
    PAID_AT,
    SAO_PAULO,
    a_bill,
    a_canceled_bill,
    a_charge,
    a_rule,
    a_sale,
    an_open_bill,
    terms,
)


def a_window(since: str, until: str | None) -> Window:
    end = date.fromisoformat(until) if until else None
    return Window(since=date.fromisoformat(since), until=end, zone=SAO_PAULO)


def test_both_ends_of_a_window_are_whole_local_days() -> None:
    window = a_window("2026-11-10", "2026-11-10")

    assert window.start.isoformat() == "2026-11-10T03:00:00+00:00"
    assert window.end is not None
    assert window.end.isoformat() == "2026-11-11T03:00:00+00:00"
    assert window.holds(window.start)
    assert not window.holds(window.end)
    assert a_window("2026-11-10", None).end is None


def test_a_payment_given_back_still_happened_when_it_did() -> None:
    undone = a_bill(charges=(a_charge(status="canceled"),))
    canceled = a_canceled_bill(charges=(a_charge(status="canceled"),))

    assert window_moment(undone, a_rule(), None, SAO_PAULO) == PAID_AT
    assert window_moment(canceled, a_rule(), None, SAO_PAULO) == PAID_AT


def test_a_bill_that_is_open_or_died_open_has_no_moment_of_payment() -> None:
    assert window_moment(an_open_bill(), a_rule(), None, SAO_PAULO) is None
    assert window_moment(a_canceled_bill(), a_rule(), None, SAO_PAULO) is None
    assert window_moment(a_bill(status=BillStatus.REVIEW), a_rule(), None, SAO_PAULO) is None


def test_a_paid_bill_without_a_date_of_payment_is_not_lost_between_windows() -> None:
    bill = a_bill(charges=())

    assert window_moment(bill, a_rule(), None, SAO_PAULO) == bill.created_at
    assert window_moment(bill, None, None, SAO_PAULO) == bill.created_at


def test_every_decision_about_a_sale_has_a_name() -> None:
    assert foresee(Skip(code="refunded")) == Foreseen(outcome="skip", code="refunded")
    assert foresee(Hold(code="no_rule")) == Foreseen(outcome="hold", code="no_rule")
    assert foresee(Keep()) == Foreseen(outcome="known")
    issue = foresee(decide(a_sale(backfill="original"), a_rule(), terms(), NOW))
    assert issue == Foreseen(outcome="issue", to_issue=Cents(10_000))
    for undecided in (NeedsCustomer(), NotYet()):
        with pytest.raises(ValueError, match="not decided"):
            foresee(undecided)


def test_a_locked_month_is_held_under_original_days_and_not_under_todays() -> None:
    locked = terms(locked_months=frozenset({(2026, 11)}))
    december = NOW + timedelta(days=20)

    held = decide(a_sale(backfill="original"), a_rule(), locked, december)
    today = decide(a_sale(backfill="today"), a_rule(), locked, december)

    assert isinstance(held, Hold)
    assert held.code == "competencia_month_closed"
    assert foresee(today).outcome == "issue"


def test_a_summary_adds_up_by_outcome_and_by_month() -> None:
    def group(outcome: str, code: str | None, day: str, bills: int) -> Group:
        to_issue = Cents(bills * 100) if outcome == "issue" else NOTHING
        amount = Cents(bills * 100)
        return Group(
            outcome=outcome,
            code=code,
            day=day,
            bills=bills,
            amount=amount,
            to_issue=to_issue,
            known=bills if outcome in ("known", "hold") else 0,
        )

    summary = summarise(
        [
            group("issue", None, "2026-06-01", 3),
            group("known", None, "2026-06-30", 2),
            group("hold", "no_rule", "2026-05-31", 1),
            group("customer", None, "2026-05-31", 4),
        ]
    )

    assert (summary.bills, summary.known, summary.new) == (10, 3, 7)
    assert (summary.issue, summary.hold, summary.to_issue) == (3, {"no_rule": 1}, 300)
    assert [(m.month, m.bills, m.amount) for m in summary.months] == [
        ("2026-05", 5, 500),
        ("2026-06", 5, 500),
    ]
    assert summary.amounts == {"issue": 300, "known": 200, "hold:no_rule": 100, "customer": 400}
    assert type(summary).from_json(summary.to_json()) == summary


def found(outcome: str, day: str, bills: int = 1, code: str | None = None) -> Group:
    to_issue = Cents(bills * 90) if outcome == "issue" else NOTHING
    amount = Cents(bills * 100)
    return Group(outcome=outcome, code=code, day=day, bills=bills, amount=amount, to_issue=to_issue)


def test_a_day_says_what_its_notas_would_and_what_its_other_bills_do() -> None:
    (day,) = summarise(
        [
            found("issue", "2026-06-01", 3),
            found("wait", "2026-06-01", 2, "in_guarantee"),
            found("hold", "2026-06-01", 1, "no_rule"),
            found("skip", "2026-06-01", 4, "refunded"),
            found("known", "2026-06-01", 5),
        ]
    ).days

    assert (day.on, day.issue, day.issue_amount) == (date(2026, 6, 1), 3, 270)
    assert (day.wait, day.wait_amount, day.hold, day.hold_amount) == (2, 200, 1, 100)
    assert (day.skip, day.known) == (4, 5)
    assert day.causes == {"hold:no_rule": 1, "skip:refunded": 4, "wait:in_guarantee": 2}


def test_the_newest_days_alone_are_kept() -> None:
    first = date(2024, 2, 1)
    days = [(first + timedelta(days=one)).isoformat() for one in range(400)]

    summary = summarise([found("issue", day) for day in reversed(days)])

    assert [one.day for one in summary.days] == days[-31:]
    assert summary.issue == 400


def test_a_run_that_began_before_days_were_kept_has_months_and_no_day() -> None:
    summary = summarise([found("issue", "2026-06"), found("issue", "2026-06-02")])

    assert summary.days == ()
    assert [(one.month, one.issue) for one in summary.months] == [("2026-06", 2)]


def test_the_code_before_days_were_kept_reads_a_summary_of_now() -> None:
    stored = summarise([found("issue", "2026-06-01", 3)]).to_json()

    assert set(stored) == {
        *("bills", "known", "issue", "wait", "hold", "skip", "to_issue", "months", "amounts")
    }
    assert stored["amounts"]["issue"] == 300


def test_a_summary_of_before_days_were_kept_is_read() -> None:
    stored = Summary(bills=1, issue=1).to_json()
    stored["amounts"] = {"issue": 300}
    assert Summary.from_json(stored).amounts == {"issue": 300}
    del stored["amounts"]
    assert Summary.from_json(stored) == Summary(bills=1, issue=1)
