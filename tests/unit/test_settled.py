"""When it is known that all has arrived which left before a restore."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from services.reconciler.issuer_list.after_restore import Back
from services.reconciler.issuer_list.settled import still_waited_for
from shared.db.restores.emitters_store import Emitter, Sale
from shared.db.restores.restores_store import MARGIN, Restore
from shared.domain.ids import BillId, IssuerNotaId, TenantId
from shared.issuer.interface import Phase, Snapshot

LAST_WELL = datetime(2026, 11, 30, 12, tzinfo=UTC)
NOTICED = LAST_WELL + timedelta(seconds=6)
RESTORE = Restore(
    restore_id=1,
    why="timeline",
    since=LAST_WELL - MARGIN,
    noticed_at=NOTICED,
    read_after=NOTICED + timedelta(seconds=30),
)


def an_emitter(
    *, minds: bool = True, beat: datetime = NOTICED, waits_for: Iterable[Sale] = ()
) -> Emitter:
    return Emitter(
        emitter=f"one:{beat.second}",
        beats_at=beat,
        knows_of=NOTICED if minds else None,
        waits_for=frozenset(waits_for),
    )


def waited_for(
    *emitters: Emitter, after: float = 5, older_code_until: datetime | None = None
) -> frozenset[Sale] | None:
    now = NOTICED + timedelta(seconds=after)
    return still_waited_for(RESTORE, emitters, now, older_code_until=older_code_until)


def test_once_every_emitter_minds_it_nobody_is_waited_for() -> None:
    assert waited_for(an_emitter(), an_emitter()) == frozenset()


def test_a_sale_whose_request_is_open_is_waited_for_alone() -> None:
    one, other = (TenantId("ta"), BillId(7)), (TenantId("tb"), BillId(7))

    assert waited_for(an_emitter(waits_for=[one]), an_emitter(waits_for=[other])) == frozenset(
        {one, other}
    )


def test_an_emitter_nobody_heard_of_has_time_to_say_a_word() -> None:
    assert waited_for(an_emitter(), after=3.9) is None


def test_without_a_word_of_any_nothing_is_known() -> None:
    assert waited_for() is None


@pytest.mark.parametrize("silent_for", [0, 4, 9])
def test_one_that_died_around_it_may_have_sent(silent_for: float) -> None:
    beat = LAST_WELL - timedelta(seconds=silent_for)
    assert waited_for(an_emitter(), an_emitter(minds=False, beat=beat), after=29) is None


def test_one_that_died_before_has_sent_what_arrived() -> None:
    dead = an_emitter(minds=False, beat=LAST_WELL - timedelta(seconds=20))

    assert waited_for(an_emitter(), dead, after=3.9) is None
    assert waited_for(an_emitter(), dead, after=5) == frozenset()  # 31 s after its last word


def test_where_older_code_may_run_nobodys_word_is_taken() -> None:
    until = NOTICED + timedelta(minutes=1)

    assert waited_for(an_emitter(), older_code_until=until) is None
    assert waited_for(an_emitter(), older_code_until=NOTICED) == frozenset()


def listed(*seconds: float | None) -> list[Snapshot]:
    return [
        Snapshot(
            issuer_id=IssuerNotaId("1"),
            external_id=None,
            phase=Phase.ISSUED,
            raw_status="Autorizada",
            reason=None,
            number=None,
            verification_code=None,
            has_pdf=True,
            has_xml=True,
            created_at=None if one is None else LAST_WELL + timedelta(seconds=one),
            changed_at=None,
            issued_at=None,
            amount=None,
        )
        for one in seconds
    ]


def is_before(*chunks: list[Snapshot]) -> bool:
    back = Back()
    for chunk in chunks:
        back = back.after(chunk)
    return back.is_before(LAST_WELL)


def test_a_list_is_left_off_behind_what_is_missing() -> None:
    assert not is_before(listed(9, 9, 5), listed(5, 0))
    assert is_before(listed(9, 9, 5), listed(5, 0, -1))


@pytest.mark.parametrize(
    "chunks",
    [
        [listed(-9, -8, -7)],  # in the other order
        [listed(-9, -9)],  # in whichever: all of one second
        [listed(9, -1), listed(8, -2)],  # in none
        [listed(9, None, -1)],
    ],
    ids=["oldest first", "one second", "no order", "no instant"],
)
def test_a_list_in_another_order_is_read_to_its_end(chunks: list[list[Snapshot]]) -> None:
    assert not is_before(*chunks)
