"""Rows of one tenant that somebody holds, or a statement too long for it, stop no round."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.reconciler import make_month_files, restored, unanswered
from services.reconciler.accounts import newest
from services.reconciler.accounts.schedule import Scheduler
from services.reconciler.backfill.worker import Worker
from services.reconciler.deep_check import check
from services.reconciler.issuer_list import read
from services.reconciler.refused import Looker
from services.reconciler.rounds import Pieces, round_of
from services.reconciler.services import Services
from shared.db.backfill import backfills_store
from shared.db.closing import closing_checks_store, issuer_list_store, month_files_store
from shared.db.connection import Pool
from shared.db.restores import restore_finds_store
from shared.db.sales import unanswered_store
from shared.db.tenants import connections_store
from shared.db.tenants.connections_store import RefusedConnection
from shared.db.vindi import oddities_store, passes_store
from shared.domain.ids import TenantId
from shared.run.loops import Next
from tests.services.emitter.conftest import TENANT
from tests.services.reconciler.conftest import Watch, services_of

HELD = TenantId("taaaaaaaaaa")  # before the other
OF_ONE = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
)
OF_ALL = (asyncpg.CannotConnectNowError, asyncpg.DiskFullError, ConnectionResetError, TimeoutError)


def work(error: type[Exception], done: list[str], *, put_off: bool = True) -> Pieces[str]:
    async def waiting(_conn: object) -> Sequence[str]:
        return [HELD, TENANT]

    async def step(tenant: str) -> bool:
        if tenant == HELD:
            raise error("of this one")
        done.append(tenant)
        return True

    async def later(tenant: str) -> None:
        if not put_off:
            raise error("of this one")
        done.append(f"{tenant} later")

    return Pieces(
        waiting=waiting,
        step=step,
        put_off=later,
        failed="work_failed",
        told=lambda tenant: {"tenant_id": tenant},
    )


@pytest.mark.parametrize("error", OF_ONE)
async def test_a_piece_whose_rows_are_held_is_put_off_and_stops_no_other(
    pool: Pool, error: type[Exception]
) -> None:
    done: list[str] = []

    assert await round_of(pool, work(error, done)) is Next.AT_ONCE
    assert done == [f"{HELD} later", TENANT]


async def test_nor_does_one_that_cannot_be_put_off_either(pool: Pool) -> None:
    done: list[str] = []

    held = work(asyncpg.LockNotAvailableError, done, put_off=False)

    assert await round_of(pool, held) is Next.AT_ONCE
    assert done == [TENANT]


@pytest.mark.parametrize("error", OF_ALL)
async def test_a_database_that_is_away_ends_the_round(pool: Pool, error: type[Exception]) -> None:
    done: list[str] = []

    with pytest.raises(error):
        await round_of(pool, work(error, done))
    assert done == []


class Turns:
    """Who had a turn of what is put in place of a store's function; one of them is held."""

    def __init__(self, answer: int | None = 0) -> None:
        self.answer = answer
        self.had: list[TenantId] = []

    async def take(self, _at: object, tenant: TenantId, *_more: Any, **_named: Any) -> Any:
        if tenant == HELD:
            raise asyncpg.LockNotAvailableError("held")
        self.had.append(tenant)
        return self.answer


def both(*more: Any) -> Callable[..., Awaitable[Any]]:
    async def any_tenant(*_args: Any, **_named: Any) -> Any:
        return [(tenant, *more) if more else tenant for tenant in (HELD, TENANT)]

    return any_tenant


async def passes(services: Services) -> None:
    await Scheduler(services=services, worker="one").start_due()


async def backfills(services: Services) -> None:
    await Worker(services=services).take_up()


ROUNDS = {
    "lists to plan": (
        (issuer_list_store, "to_plan_any_tenant", both("company")),
        (issuer_list_store, "plan"),
        read.plan_once,
    ),
    "lists to read": (
        (issuer_list_store, "due_any_tenant", both()),
        (read, "read_wanted"),
        read.read_once,
    ),
    "passes": (
        (passes_store, "tenants_due_any_tenant", both()),
        (passes_store, "claim"),
        passes,
    ),
    "backfills": (
        (backfills_store, "waiting_any_tenant", both(7)),
        (backfills_store, "claim"),
        backfills,
    ),
    "closing checks": (
        (closing_checks_store, "open_any_tenant", both("2026-10")),
        (closing_checks_store, "claim"),
        check.check_once,
    ),
    "month files": (
        (month_files_store, "open_any_tenant", both("2026-10", "xml")),
        (month_files_store, "claim"),
        make_month_files.make_once,
    ),
    "floods": (
        (oddities_store, "flooded_any_tenant", both()),
        (oddities_store, "take_turn"),
        newest.look_at_refunds_once,
    ),
    "restores": (
        (restore_finds_store, "tenants_with_finds_any_tenant", both()),
        (restored, "_make_up"),
        restored.look_once,
    ),
}


@pytest.mark.parametrize("name", ROUNDS)
async def test_a_round_goes_on_to_the_next_tenant(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (where, found, whom), (store, step), go_round = ROUNDS[name]
    turns = Turns(answer=None if step == "claim" else 0)  # there is nothing to be begun
    monkeypatch.setattr(where, found, whom)
    monkeypatch.setattr(store, step, turns.take)

    await go_round(services_of(watch.desk))

    assert turns.had == [TENANT]


async def test_a_doubt_to_be_told_is_told_though_anothers_rows_are_held(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = Turns()

    async def found(*_args: Any, **_named: Any) -> Any:
        return {HELD: [1], TENANT: [2]}

    monkeypatch.setattr(unanswered_store, "find_any_tenant", found)
    monkeypatch.setattr(unanswered, "_tell", turns.take)

    await unanswered.tell_once(services_of(watch.desk))

    assert turns.had == [TENANT]


async def test_a_refused_connection_is_looked_at_though_anothers_rows_are_held(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what the connection had kept waiting that is held: found once it is well again."""
    services, turns = services_of(watch.desk), Turns()
    well_since = services.now() - timedelta(hours=2)

    async def blocked(_conn: object, side: str, *_args: Any, **_named: Any) -> Any:
        return [
            RefusedConnection(
                tenant_id=tenant,
                side="issuer",
                code="issuer_key_refused",
                since=well_since,
                connected_at=well_since,
            )
            for tenant in (HELD, TENANT)
            if side == "issuer"
        ]

    async def proved(*_args: Any) -> datetime:
        return well_since

    monkeypatch.setattr(connections_store, "refused_any_tenant", blocked)
    monkeypatch.setattr(Looker, "_prove", proved)
    monkeypatch.setattr(connections_store, "unblock", turns.take)

    await Looker(services=services).look_once(services.now())

    assert turns.had == [TENANT]
