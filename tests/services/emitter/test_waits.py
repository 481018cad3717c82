"""When notas are asked about: spread, and yet by the hundred."""

from datetime import UTC, datetime, timedelta

from services.emitter.planning.waits import NEWS_AGES, POLL_AGES, next_poll, poll_after_news

SENT = datetime(2026, 3, 2, 12, 0, 0, 400_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_looks_that_nobody_waits_for_are_due_at_few_instants() -> None:
    """Notas sent within two seconds: spread over a tenth of the step, at whole seconds."""
    sent = [SENT + number * timedelta(milliseconds=2) for number in range(1000)]

    due = [next_poll(at, at) for at in sent]

    assert len(set(due)) <= 7
    assert len(set(due)) > 2  # not all at once either
    for at, look in zip(sent, due, strict=True):
        assert look.microsecond == 0
        assert POLL_AGES[0] <= look - at < POLL_AGES[0] * 1.1 + SECOND


def test_looks_after_news_wait_for_no_others() -> None:
    for _ in range(100):
        look = poll_after_news(SENT, SENT)
        assert NEWS_AGES[0] <= look - SENT <= NEWS_AGES[0] * 1.1


def test_a_later_look_is_gathered_as_well() -> None:
    look = next_poll(SENT, SENT + timedelta(minutes=6))

    assert look.microsecond == 0
    assert timedelta(minutes=10) <= look - SENT < timedelta(minutes=11, seconds=1)
