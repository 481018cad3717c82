"""Much that is due of one kind keeps nothing of another kind waiting."""

from collections.abc import Sequence

import pytest

from services.emitter.turns import CROWDED_FOR, IN_DOUBT, NEWS, OTHERS, LaneTurn, Turns
from shared.db.connection import Connection, Pool
from shared.db.outbox import claims_store, outbox_store
from shared.db.outbox.outbox_store import BACKFILL, LIVE, RECONCILE, Mark
from shared.domain.ids import BillId, TenantId

TENANT = TenantId("taaaaaaaaaa")
LANES = frozenset({LIVE, RECONCILE, BACKFILL})
QUIET = LaneTurn(lane=LIVE)


def test_a_quiet_tenant_is_claimed_lane_by_lane() -> None:
    assert [turn.lane for turn in Turns().of(TENANT, LANES, doubted=False)] == [0, 1, 2]


def test_once_a_batch_is_full_news_of_bills_and_all_else_take_turns() -> None:
    turns = Turns()
    turns.claimed(TENANT, QUIET, full=True)

    firsts = []
    for _ in range(4):
        first = turns.of(TENANT, LANES, doubted=False)[0]
        turns.claimed(TENANT, first, full=True)
        firsts.append(first)

    assert firsts == [NEWS, OTHERS, NEWS, OTHERS]


def test_of_two_kinds_the_one_that_has_none_leaves_its_turn_to_the_other() -> None:
    turns = Turns()
    turns.claimed(TENANT, QUIET, full=True)

    assert turns.of(TENANT, {LIVE, BACKFILL}, doubted=False) == [
        NEWS,
        OTHERS,
        LaneTurn(lane=BACKFILL),
    ]


def test_a_tenant_is_crowded_for_some_seconds_after_its_last_full_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("services.emitter.turns.time.monotonic", lambda: now[0])
    turns = Turns()
    turns.claimed(TENANT, QUIET, full=True)
    now[0] += CROWDED_FOR.total_seconds() / 2
    turns.claimed(TENANT, NEWS, full=False)
    assert turns.of(TENANT, LANES, doubted=False)[0] == OTHERS

    now[0] += CROWDED_FOR.total_seconds()

    assert turns.of(TENANT, LANES, doubted=False)[0] == QUIET


def test_of_a_doubted_tenant_hearsay_comes_after_what_was_read() -> None:
    turns = Turns().of(TENANT, LANES, doubted=True)

    assert turns == list(IN_DOUBT)
    assert [turn.lane for turn in turns] == [LIVE, LIVE, RECONCILE, BACKFILL, LIVE, BACKFILL]
    assert [turn.hearsay for turn in turns] == [False, False, None, False, True, True]


async def test_a_turn_claims_its_own_kind_alone(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await due(conn, [1, 2], about_bill=True)
        await due(conn, [3, 4], about_bill=False)
        await due(conn, [5], about_bill=True)
        await conn.execute("UPDATE outbox SET heard_at = NULL WHERE bill_id = 5")  # it was read

        assert await claimed(conn, IN_DOUBT[1]) == [3, 4]
        assert await claimed(conn, IN_DOUBT[4]) == [1, 2]
        assert await claimed(conn, IN_DOUBT[0]) == [5]


async def due(conn: Connection, bills: Sequence[int], *, about_bill: bool) -> None:
    marks = [
        Mark(
            tenant_id=TENANT,
            bill_id=BillId(bill),
            lane=LIVE,
            origin="webhook",
            about_bill=about_bill,
            about_nota=not about_bill,
        )
        for bill in bills
    ]
    await outbox_store.mark_due(conn, marks)


async def claimed(conn: Connection, turn: LaneTurn) -> list[int]:
    entries = await claims_store.claim_due(
        conn,
        TENANT,
        lane=turn.lane,
        limit=10,
        lease=CROWDED_FOR,
        worker="test",
        hearsay=turn.hearsay,
        told=turn.told,
    )
    return sorted(entry.bill_id for entry in entries)
