"""A reconciler stands still at a statement of its work, and another has that work meanwhile.

What it had claimed, and what it was just about to write: real processes, as in
`test_reconcilers_stopped`, which stops them with a stranger's answer in hand.
"""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from shared.db.closing import month_files_store
from shared.db.sales import bulk_jobs_store
from shared.db.sales.bulk_jobs_store import NewJob
from shared.db.vindi.event_days_store import name_of
from shared.domain.closing import Month
from shared.domain.ids import BillId, JobId, TenantId
from shared.domain.moment import VINDI_ZONE
from tests.journey.pair import Pair, a_pair, send
from tests.journey.test_reconcilers_stopped import DAYS_AGO, backfill, notas, unheard
from tests.support.statement_proxy import When


async def a_claim_of_a_backfill(pair: Pair) -> None:
    bills = [unheard(pair, DAYS_AGO) for _ in range(2)]
    run = await backfill(pair)
    await pair.stands_at("backfills_store.claim", When.DONE)
    await pair.taken_over()
    ended = "SELECT count(*) FROM backfills WHERE backfill_id = $1 AND status = 'completed'"
    await pair.until(lambda: pair.ask(ended, run), "the backfill was not completed")

    await pair.goes_on()

    for bill in bills:
        await pair.until_status(bill.id, "issued")
    assert [len(notas(pair, bill)) for bill in bills] == [1, 1]
    assert (await pair.api("GET", f"/backfills/{run}"))["status"] == "completed"


async def a_piece_of_a_file_that_was_forgotten(pair: Pair) -> None:
    """As an erasure forgets it; it is asked for anew, and the other makes it."""
    await pair.stands_at("month_files_store.put_piece", When.UNHEARD)
    await ask_for_file(pair)
    await pair.taken_over()
    await pair.ask("DELETE FROM month_files")
    await ask_for_file(pair)
    ready = "SELECT count(*) FROM month_files WHERE state = 'ready'"
    await pair.until(lambda: pair.ask(ready), "the file was not made by the other")

    await pair.goes_on()

    whole = "SELECT sum(length(piece)) = max(bytes) FROM month_file_pieces p JOIN month_files f"
    assert await pair.ask(f"{whole} USING (tenant_id, month, kind)")
    assert await pair.ask("SELECT count(DISTINCT attempt) FROM month_file_pieces") == 1


async def ask_for_file(pair: Pair) -> None:
    today = datetime.now(VINDI_ZONE).date()
    month = Month(year=today.year, month=today.month)
    conn = await asyncpg.connect(pair.database)
    try:
        tenant = TenantId(pair.system.tenant)
        assert await month_files_store.ask(conn, tenant, month, "csv-excel", by="ana")
    finally:
        await conn.close()


async def a_batch_of_an_action_for_many(pair: Pair) -> None:
    bills = [unheard(pair).id for _ in range(3)]
    for bill in bills:
        await pair.until_status(bill, "issued")
    await pair.stands_at("bulk_jobs_store.go_on", When.UNHEARD)
    conn = await asyncpg.connect(pair.database)
    try:
        asked = NewJob(
            id=JobId("j-1"), action="cancel", reason="engano", about="tres vendas", by="ana",
            once="uma vez", bills=[BillId(bill) for bill in bills],
        )  # fmt: skip
        tenant = TenantId(pair.system.tenant)
        await bulk_jobs_store.add(conn, tenant, asked, datetime.now(UTC))
    finally:
        await conn.close()
    await pair.taken_over()
    for bill in bills:
        await pair.until_status(bill, "cancelled")

    await pair.goes_on()

    lines = "SELECT count(*) FROM timeline WHERE bill_id = ANY($1::bigint[]) AND by = 'ana'"
    assert await pair.ask(lines, bills) == len(bills)
    assert await pair.ask("SELECT count(*) FROM bulk_jobs WHERE ended_at IS NULL") == 0


async def the_end_of_an_erasure(pair: Pair) -> None:
    bill = unheard(pair)
    await pair.until_status(bill.id, "issued")
    await pair.stands_at("erasures_store.save", When.UNHEARD)
    subject = {"customer_id": bill.customer_id, "ticket": "LGPD 1", "reason": "pedido"}
    await pair.api("POST", f"{pair.here}/privacy/erasures", subject)
    await pair.taken_over()
    done = "SELECT count(*) FROM audit WHERE action = 'customer_erased'"
    await pair.until(lambda: pair.ask(done), "the erasure was not ended by the other")

    await pair.goes_on()

    assert await pair.ask(done) == 1


async def a_day_that_lacks_a_partition(pair: Pair) -> None:
    name = name_of(datetime.now(UTC).date() + timedelta(days=5))
    await pair.stands_at("event_days_store.make", When.UNHEARD)
    await pair.ask(f"DROP TABLE {name}")
    await pair.taken_over()
    there = "SELECT to_regclass($1) IS NOT NULL"
    await pair.until(lambda: pair.ask(there, name), "the day was not made by the other")

    await pair.goes_on()

    assert await pair.ask(there, name)


async def the_end_of_a_pass(pair: Pair) -> None:
    await pair.stands_at("passes_store.finish", When.UNHEARD)
    await pair.taken_over()
    # Not the marks: those are told by Vindi's clock, which is known to a second only.
    began = "SELECT min(complete_from) FROM reconciler_passes"
    before = await pair.ask(began)
    moved = "SELECT complete_from > $1 FROM reconciler_passes"
    await pair.until(lambda: pair.ask(moved, before), "the account was not read by the other")
    later = await pair.ask(began)

    await pair.goes_on()

    assert await pair.ask(began) >= later


async def a_restore_that_is_noticed(pair: Pair) -> None:
    """The database is told to be another's copy: noticed once, and issued again after the lists."""
    await pair.stands_at("restores_store.look_any_tenant add", When.UNHEARD)
    # Emitters look as well, and the first to do so writes it down.
    send(pair.system.emitter, signal.SIGSTOP)
    await pair.ask("UPDATE database_life SET system_identifier = system_identifier - 1")
    await pair.taken_over()
    noticed = "SELECT count(*) FROM restores"
    await pair.until(lambda: pair.ask(noticed), "the restore was not noticed by the other")
    send(pair.system.emitter, signal.SIGCONT)

    await pair.goes_on()

    assert await pair.ask(noticed) == 1
    bill = unheard(pair)
    await pair.until_status(bill.id, "issued")
    assert len(notas(pair, bill)) == 1


@pytest.mark.timeout(300)
async def test_what_a_reconciler_had_claimed_or_was_to_write_is_done_once_by_whoever_takes_over(
    database: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_pair(
        database=database, redis=redis_url, folder=tmp_path, monkeypatch=monkeypatch
    ) as pair:
        await a_claim_of_a_backfill(pair)
        await a_piece_of_a_file_that_was_forgotten(pair)
        await a_batch_of_an_action_for_many(pair)
        await the_end_of_an_erasure(pair)
        await a_day_that_lacks_a_partition(pair)
        await the_end_of_a_pass(pair)
        await a_restore_that_is_noticed(pair)
        assert pair.system.sandbox.enotas.invariants.report()["ok"]
