"""The issuer's word is believed by its own clock: older news never wins."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from shared.domain.ids import IssuerNotaId
from shared.domain.nota import NotaStatus
from shared.issuer.interface import Phase, Snapshot
from shared.issuer.word import SETTLED, Believed, Ended, Ours, Stale, Tied, judge

KNOWN = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = KNOWN + timedelta(seconds=1)
BEFORE = KNOWN - timedelta(seconds=1)


def said(phase: Phase, at: datetime | None = LATER) -> Snapshot:
    return Snapshot(
        issuer_id=IssuerNotaId("n"),
        external_id=None,
        phase=phase,
        raw_status=phase.value,
        reason=None,
        number=None,
        verification_code=None,
        has_pdf=True,
        has_xml=True,
        created_at=None,
        changed_at=at,
        issued_at=None,
        amount=None,
    )


@pytest.mark.parametrize(
    ("ours", "phase", "status"),
    [
        (NotaStatus.ISSUED, Phase.CANCELLED, NotaStatus.CANCELLED),
        (NotaStatus.ISSUED, Phase.CANCELLING, NotaStatus.CANCELLING),
        (NotaStatus.DENIED, Phase.ISSUED, NotaStatus.ISSUED),
        (NotaStatus.DENIED, Phase.PENDING, NotaStatus.PENDING),
        (NotaStatus.CANCEL_REFUSED, Phase.CANCELLED, NotaStatus.CANCELLED),
        (NotaStatus.PENDING, Phase.UNKNOWN_STATUS, NotaStatus.PENDING),
    ],
)
def test_newer_news_moves_a_nota_from_whatever_state(
    ours: NotaStatus, phase: Phase, status: NotaStatus
) -> None:
    assert judge(Ours(status=ours, changed_at=KNOWN), said(phase)) == Believed(status=status)


UNDER_WAY = {NotaStatus.SENDING, NotaStatus.UNCERTAIN, NotaStatus.PENDING}
STANDS = {NotaStatus.ISSUED, NotaStatus.CANCELLING, NotaStatus.CANCEL_REFUSED}
# Where a nota can only be after it was where we know it, whatever a clock says.
ONLY_AFTER = {
    *((one, Phase.CANCELLED) for one in UNDER_WAY | STANDS),
    *((one, Phase.ISSUED) for one in UNDER_WAY),
    *((one, Phase.CANCEL_REFUSED) for one in UNDER_WAY),  # who refused to cancel has issued
}
ALIVE = [status for status in NotaStatus if status is not NotaStatus.CANCELLED]


def moved(status: NotaStatus, phase: Phase) -> NotaStatus:
    """Where a snapshot says that a nota is which we believe to be elsewhere."""
    verdict = judge(Ours(status=status, changed_at=KNOWN), said(phase))
    assert isinstance(verdict, Believed)
    return verdict.status


@pytest.mark.parametrize("status", ALIVE)
@pytest.mark.parametrize("phase", list(Phase))
def test_older_news_never_wins_at_once(status: NotaStatus, phase: Phase) -> None:
    verdict = judge(Ours(status=status, changed_at=KNOWN), said(phase, BEFORE))

    assert isinstance(verdict, Stale | Tied)


@pytest.mark.parametrize("status", sorted(STANDS))
@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.DENIED])
def test_what_stands_was_under_way_once_and_copies_of_then_prove_nothing(
    status: NotaStatus, phase: Phase
) -> None:
    ours = Ours(status=status, changed_at=KNOWN, tied=phase.value, tied_for=timedelta(days=1))

    assert judge(ours, said(phase, BEFORE)) == Stale()


@pytest.mark.parametrize(("status", "phase"), sorted(ONLY_AFTER))
def test_an_end_nothing_comes_after_is_believed_of_a_clock_set_back_once_it_is_said_twice(
    status: NotaStatus, phase: Phase
) -> None:
    ours = Ours(status=status, changed_at=KNOWN)

    assert judge(ours, said(phase, BEFORE)) == Tied(raw_status=phase.value)
    assert judge(replace(ours, tied=phase.value), said(phase, BEFORE)) == Believed(
        status=moved(status, phase), older="kept"
    )


@pytest.mark.parametrize("status", ALIVE)
@pytest.mark.parametrize("phase", list(Phase))
def test_whatever_is_said_for_minutes_is_settled(status: NotaStatus, phase: Phase) -> None:
    """But what stands never goes back to before it stood."""
    before_it_stood = status in STANDS and phase in (Phase.PENDING, Phase.DENIED)
    if moved(status, phase) is status or before_it_stood or (status, phase) in ONLY_AFTER:
        return
    ours = Ours(status=status, changed_at=KNOWN, tied=phase.value, tied_for=SETTLED)

    assert judge(ours, said(phase, BEFORE)) == Believed(status=moved(status, phase), older="taken")
    sooner = replace(ours, tied_for=SETTLED - timedelta(seconds=1))
    assert judge(sooner, said(phase, BEFORE)) == Tied(raw_status=phase.value)
    assert judge(replace(ours, tied="another"), said(phase, BEFORE)) == Tied(raw_status=phase.value)


def test_another_word_for_the_same_instant_is_asked_for_again_and_then_believed() -> None:
    first = judge(Ours(status=NotaStatus.ISSUED, changed_at=KNOWN), said(Phase.CANCELLED, KNOWN))
    again = Ours(status=NotaStatus.ISSUED, changed_at=KNOWN, tied="cancelled")

    assert first == Tied(raw_status="cancelled")
    assert judge(again, said(Phase.CANCELLED, KNOWN)) == Believed(status=NotaStatus.CANCELLED)


def test_the_same_word_for_the_same_instant_is_no_news() -> None:
    ours = Ours(status=NotaStatus.ISSUED, changed_at=KNOWN)

    assert judge(ours, said(Phase.ISSUED, KNOWN)) == Believed(status=NotaStatus.ISSUED)


def test_the_denial_after_which_it_was_sent_again_is_old() -> None:
    ours = Ours(status=NotaStatus.PENDING, changed_at=KNOWN, resent_at=KNOWN + timedelta(minutes=5))

    assert judge(ours, said(Phase.DENIED, KNOWN)) == Stale()
    assert judge(ours, said(Phase.DENIED, BEFORE)) == Tied(raw_status="denied")
    assert judge(ours, said(Phase.DENIED, LATER)) == Believed(status=NotaStatus.DENIED)


def test_a_denial_from_long_before_is_the_issuers_clock_only_if_it_is_said_for_minutes() -> None:
    ours = Ours(status=NotaStatus.PENDING, changed_at=None, resent_at=KNOWN)
    long_before = said(Phase.DENIED, KNOWN - timedelta(hours=1))
    for_long = replace(ours, tied="denied", tied_for=SETTLED)

    assert judge(ours, long_before) == Tied(raw_status="denied")
    assert judge(for_long, long_before) == Believed(status=NotaStatus.DENIED, older="taken")
    assert judge(ours, said(Phase.DENIED, KNOWN)) == Believed(status=NotaStatus.DENIED)


def test_denied_sent_again_and_denied_within_a_second_is_settled_by_asking_again() -> None:
    ours = Ours(status=NotaStatus.PENDING, changed_at=KNOWN, resent_at=LATER)

    assert judge(ours, said(Phase.DENIED, KNOWN)) == Tied(raw_status="denied")


def test_a_refused_cancellation_of_somebody_else_leaves_a_nota_issued() -> None:
    ours = Ours(status=NotaStatus.ISSUED, changed_at=KNOWN)

    assert judge(ours, said(Phase.CANCEL_REFUSED)) == Believed(status=NotaStatus.ISSUED)


def test_an_old_refusal_is_not_taken_for_the_answer_to_a_second_wish() -> None:
    ours = Ours(status=NotaStatus.CANCELLING, changed_at=KNOWN, wants_cancel=True)

    assert judge(ours, said(Phase.CANCEL_REFUSED, KNOWN)) == Tied(raw_status="cancel_refused")
    assert judge(ours, said(Phase.CANCELLED, KNOWN)) == Believed(status=NotaStatus.CANCELLED)


@pytest.mark.parametrize("ended", ["by_issuer", "stated"])
def test_a_cancelled_nota_never_comes_back(ended: Ended) -> None:
    ours = Ours(status=NotaStatus.CANCELLED, changed_at=KNOWN, ended=ended)

    assert judge(ours, said(Phase.ISSUED)) == Stale()


def test_one_that_never_arrived_and_shows_up_is_believed_whenever_it_was() -> None:
    ours = Ours(status=NotaStatus.CANCELLED, changed_at=None, ended="never_arrived")

    assert judge(ours, said(Phase.ISSUED, BEFORE)) == Believed(status=NotaStatus.ISSUED)
    assert judge(ours, said(Phase.UNKNOWN_STATUS)) == Believed(status=NotaStatus.PENDING)


def test_the_denial_it_was_sent_again_after_is_no_late_arrival() -> None:
    """Sent again, lost, and given up: the issuer still shows what it said before."""
    ours = Ours(
        status=NotaStatus.CANCELLED,
        changed_at=KNOWN,
        resent_at=KNOWN + timedelta(minutes=1),
        ended="never_arrived",
    )

    assert judge(ours, said(Phase.DENIED, KNOWN)) == Stale()
    assert judge(ours, said(Phase.DENIED, KNOWN + timedelta(hours=1))) == Believed(
        status=NotaStatus.DENIED
    )
