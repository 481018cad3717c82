"""Real runs do what their dry run foresaw, once, however often they are cut off or repeated."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pytest

from services.reconciler.backfill import reading, worker
from services.reconciler.backfill.run import RunLost
from services.sandbox.vindi import operations
from shared.db.backfill import backfills_store
from shared.domain.backfill_run import Summary
from tests.services.emitter.conftest import a_buyer
from tests.services.reconciler.backfill.conftest import Office

JUNE = ("2026-06-01", "2026-06-30")


def a_month_of_sales(office: Office, count: int = 60) -> None:
    """Paid, open, refunded, partly refunded sales, of customers with and without a document."""
    for number in range(count):
        day = f"2026-06-{number % 30 + 1:02d}T12:00:00-03:00"
        customer: dict[str, Any] = {} if number % 5 else {"registry_code": None}
        bill = office.desk.sell(created_at=day, paid_at=day, known_at=day, customer=customer)
        if number % 10 == 3:
            operations.refund(office.desk.account, bill_id=bill.id, events=False)
        if number % 10 == 7:
            operations.refund(office.desk.account, bill_id=bill.id, amount="1.00", events=False)


async def test_the_real_run_does_what_the_dry_run_foresaw(office: Office) -> None:
    a_month_of_sales(office)
    foreseen = await office.did(*JUNE)
    assert await office.taken() == set()
    assert office.desk.company.notas == {}

    done = await office.did(*JUNE, dry_run=False)
    await office.desk.work()

    assert done == foreseen
    assert foreseen.issue == 36
    assert foreseen.hold == {"customer_document_missing": 12, "partially_refunded": 6}
    assert foreseen.skip == {"refunded": 6}
    assert len(office.desk.company.notas) == foreseen.issue
    assert await by_status(office) == {
        ("issuing", None): 36,
        ("held", "customer_document_missing"): 12,
        ("held", "partially_refunded"): 6,
        ("skipped", "refunded"): 6,
    }


async def test_original_dates_each_nota_by_its_moment_and_today_by_its_sending(
    office: Office,
) -> None:
    office.desk.sell(paid_at="2026-06-03T10:00:00-03:00")
    await office.did(*JUNE, dry_run=False)
    await office.desk.work()
    office.desk.sell(paid_at="2026-06-04T10:00:00-03:00")
    before = await today(office)
    await office.did(*JUNE, dry_run=False, competencia="today")
    await office.desk.work()

    async with office.pool.acquire() as conn:
        notas = await conn.fetch("SELECT competencia FROM notas ORDER BY bill_id")
    original, sent = (nota["competencia"] for nota in notas)
    assert original == date(2026, 6, 3)
    assert before <= sent <= await today(office)


async def today(office: Office) -> date:
    async with office.pool.acquire() as conn:
        day: date = await conn.fetchval("SELECT (now() AT TIME ZONE 'America/Sao_Paulo')::date")
    return day


async def test_sales_skipped_as_before_activation_are_taken_over(office: Office) -> None:
    bill = await office.desk.sold(paid_at="2026-06-03T10:00:00-03:00")
    await office.desk.work()
    before = await office.desk.sale(bill)

    await office.did(*JUNE, dry_run=False)
    await office.desk.work()

    assert (before.status, before.code) == ("skipped", "before_activation")
    after = await office.desk.sale(bill)
    assert (after.status, after.code, after.origin) == ("issuing", None, "webhook")


async def test_a_repeated_or_overlapping_run_issues_nothing_twice(office: Office) -> None:
    a_month_of_sales(office, 30)
    await office.did(*JUNE, dry_run=False)
    await office.desk.work()
    await office.desk.later()
    await office.desk.work()
    issued = len(office.desk.company.notas)

    again = await office.did("2026-06-10", "2026-07-10", dry_run=False)
    await office.desk.work()
    whole = await office.did(*JUNE, dry_run=False)
    await office.desk.work()

    assert (whole.new, whole.known) == (0, whole.bills)
    assert issued == len(office.desk.company.notas)
    assert again.issue == whole.issue == 0
    assert office.desk.sandbox.enotas.invariants.report()["ok"]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_run_killed_on_the_way_goes_on_where_it_was(office: Office, dry_run: bool) -> None:
    office.desk.account.faults.change({"per_page_cap": 25})
    a_month_of_sales(office, 400)
    whole = await office.did(*JUNE)
    needed = office.requests()
    backfill = await office.ask(*JUNE, dry_run=dry_run)
    chance = random.Random(7)

    for _ in range(8):
        await office.run_killed_after(chance.uniform(0.0, 0.25))
    await office.run()

    ended = await office.get(backfill)
    assert (ended.status, ended.summary) == ("completed", whole)
    # A kill costs what one step asks for: fifty records are two pages of this account.
    assert office.requests() - needed <= needed + 8 * 2
    assert len(await office.taken()) == (0 if dry_run else whole.new)


async def test_a_worker_that_lost_its_lease_writes_nothing_more(office: Office) -> None:
    a_month_of_sales(office, 10)
    backfill = await office.ask(*JUNE, dry_run=False)
    async with office.pool.acquire() as conn:
        tenant = office.desk.tenant
        lost = await backfills_store.claim(conn, tenant, backfill, lease=timedelta())
        held = await backfills_store.claim(conn, tenant, backfill, lease=timedelta(minutes=1))
        assert lost is not None
        assert held is not None
        assert not await backfills_store.advance(conn, lost, lost.position)
        assert await backfills_store.advance(conn, held, held.position)
        assert not await backfills_store.renew(conn, lost, lease=timedelta(minutes=1))


async def test_a_cancelled_run_stops_and_keeps_what_it_did(office: Office) -> None:
    office.desk.account.faults.change({"per_page_cap": 5})
    a_month_of_sales(office, 60)
    backfill = await office.ask(*JUNE, dry_run=False)
    run = await office.leased(backfill)
    while not await office.taken():
        assert await run.step()
    before = await office.taken()

    async with office.pool.acquire() as conn, conn.transaction():
        assert await backfills_store.end(conn, office.desk.tenant, backfill, "cancelled")
    with pytest.raises(RunLost):
        await run.step()
    await office.run()

    ended = await office.get(backfill)
    assert ended.status == "cancelled"
    assert isinstance(ended.summary, Summary)
    assert await office.taken() == before
    async with office.pool.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM backfill_bills") == 0


@pytest.mark.parametrize(
    "fault", [{"omit_rows": 1}, {"repeat_rows": 2}, {"total_off_by": 3}, {"empty_with_total": 1}]
)
async def test_a_list_that_does_not_add_up_is_read_again_later(
    office: Office, fault: dict[str, int]
) -> None:
    office.desk.account.faults.change({"per_page_cap": 5})
    a_month_of_sales(office, 12)
    backfill = await office.ask(*JUNE)
    office.desk.account.faults.change(fault)
    await office.run()
    stuck = await office.get(backfill)

    office.desk.account.faults.change(dict.fromkeys(fault, 0) | {"empty_with_total": None})
    async with office.pool.acquire() as conn:
        await conn.execute("UPDATE backfills SET not_before = NULL")
    await office.run()

    assert (stuck.status, stuck.error) == ("running", "vindi_unavailable")
    ended = await office.get(backfill)
    assert (ended.status, ended.error) == ("completed", None)
    assert ended.summary is not None
    assert ended.summary.bills == 12


def sold_four_a_second(office: Office, count: int = 60) -> None:
    """Sales whose order nothing says, five a page."""
    office.desk.account.faults.change({"per_page_cap": 5, "shuffle_ties": True})
    for number in range(count):
        at = f"2026-06-03T12:00:{number // 4:02d}-03:00"
        office.desk.sell(created_at=at, paid_at=at, known_at=at)


@pytest.mark.parametrize("pages_a_list", [3, 100])
async def test_sales_of_one_second_that_change_places_between_pages_are_all_found(
    office: Office, monkeypatch: pytest.MonkeyPatch, pages_a_list: int
) -> None:
    monkeypatch.setattr(reading, "PAGES_A_LIST", pages_a_list)
    sold_four_a_second(office)

    assert (await office.did(*JUNE)).bills == 60


async def test_lists_that_show_all_their_sales_are_read_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGES_A_LIST", 3)
    sold_four_a_second(office)
    office.desk.account.faults.change({"shuffle_ties": False})
    before = office.requests()

    assert (await office.did(*JUNE)).bills == 60

    # Fifteen rows a list, of which the next one begins with the last second's three.
    lists = [entry for entry in list(office.desk.account.journal)[before:] if "bills" in entry.path]
    assert len(lists) == 15


async def test_a_list_that_never_shows_all_its_sales_ends_the_run_and_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_AGAIN", 0)
    sold_four_a_second(office)
    backfill = await office.ask(*JUNE)

    await office.run()

    ended = await office.get(backfill)
    assert (ended.status, ended.error) == ("failed", "rows_omitted")
    assert ended.position.seen == {}


async def test_sales_changing_while_they_are_read_are_each_counted_once(office: Office) -> None:
    office.desk.account.faults.change(
        {"per_page_cap": 5, "touch_between_pages": 3, "insert_between_pages": 1}
    )
    a_month_of_sales(office, 60)

    assert (await office.did(*JUNE)).bills == 60


async def test_a_dry_run_leaves_every_table_as_it_was_and_asks_the_issuer_nothing(
    office: Office,
) -> None:
    a_month_of_sales(office, 30)
    known = await office.desk.sold(paid_at="2026-06-03T10:00:00-03:00")
    await office.desk.work()
    asked = len(office.desk.sandbox.enotas.journal)
    before = await contents(office)

    await office.did(*JUNE)

    after = await contents(office)
    assert {name for name in after if after[name] != before[name]} == {"backfills"}
    assert len(office.desk.sandbox.enotas.journal) == asked
    assert (await office.desk.sale(known)).code == "before_activation"


async def test_a_run_that_was_cancelled_is_asked_for_again_and_issues_each_sale_once(
    office: Office,
) -> None:
    office.desk.account.faults.change({"per_page_cap": 5})
    a_month_of_sales(office, 80)
    first = await office.ask(*JUNE, dry_run=False)
    run = await office.leased(first)
    while len(await office.taken()) < 40:
        assert await run.step()
    async with office.pool.acquire() as conn, conn.transaction():
        assert await backfills_store.end(conn, office.desk.tenant, first, "cancelled")
    await office.desk.work()
    some = len(office.desk.company.notas)

    done = await office.did(*JUNE, dry_run=False)
    await office.desk.work()

    assert 0 < some <= done.known
    assert len(office.desk.company.notas) == some + done.issue == 48
    assert office.desk.sandbox.enotas.invariants.report()["ok"]


async def test_requests_spent_amid_a_run_are_waited_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONGEST_WAIT", timedelta(milliseconds=10))
    office.desk.account.faults.change({"per_page_cap": 5})
    a_month_of_sales(office, 20)
    office.desk.account.weather.add(status=429, retry_after="1", every=4, path_has="/bills")

    assert (await office.did(*JUNE)).bills == 20


async def contents(office: Office) -> dict[str, str]:
    """Every table, as one word each."""
    async with office.pool.acquire() as conn:
        names = await conn.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        return {
            name: await conn.fetchval(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t"  # noqa: S608 - our own tables' names
            )
            for (name,) in names
        }


async def by_status(office: Office) -> dict[tuple[str, str | None], int]:
    async with office.pool.acquire() as conn:
        rows = await conn.fetch("SELECT status, code, count(*) AS n FROM sales GROUP BY 1, 2")
    return {(row["status"], row["code"]): row["n"] for row in rows}


def issued_long_ago(office: Office, amount: float = 179.9) -> None:
    """Another system made a nota in March, which the mirror does not reach by itself."""
    march = datetime(2026, 3, 10, 15, tzinfo=UTC)
    body = {
        "servico": {"descricao": "Nota de outro sistema"},
        "valorTotal": amount,
        "ambienteEmissao": "Producao",
        "cliente": {"nome": "Cliente Fictício", "cpfCnpj": a_buyer()["registry_code"]},
        "dataCompetencia": march.isoformat(),
    }
    enotas = office.desk.sandbox.enotas
    nota = enotas.issue(office.desk.company, "outro-sistema-7", body)
    nota.created = march.timestamp()


@pytest.mark.parametrize("competencia", ["original", "today"])
async def test_a_past_sale_that_another_system_issued_is_held_not_issued_again(
    office: Office, competencia: Literal["original", "today"]
) -> None:
    issued_long_ago(office)
    march = datetime(2026, 3, 9, 15, tzinfo=UTC).timestamp()
    bill = office.desk.sell(created_at=march, paid_at=march)

    await office.did("2026-03-01", dry_run=False, competencia=competencia)
    await office.desk.work()

    sale = await office.desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "possible_duplicate")
    assert office.desk.notas_of(bill) == []


async def test_the_second_run_of_a_window_brings_in_nothing_whatever_became_of_its_sales(
    office: Office,
) -> None:
    day = "2026-06-03T10:00:00-03:00"
    office.desk.sell(paid_at=day)
    office.desk.sell(paid_at=day, lines=[{"amount": "0.00"}])
    office.desk.sell(paid_at=day, customer={"registry_code": None})
    operations.refund(office.desk.account, bill_id=office.desk.sell(paid_at=day).id, events=False)
    left_out = await office.desk.sold(paid_at=day)
    await office.desk.work()
    assert (await office.desk.sale(left_out)).code == "before_activation"

    first = await office.did(*JUNE, dry_run=False)
    await office.desk.work()
    second = await office.did(*JUNE, dry_run=False)
    dry = await office.did(*JUNE)

    assert (first.new, first.known) == (5, 0)
    assert (second.new, second.known) == (dry.new, dry.known) == (0, 5)


async def test_what_the_stream_took_is_known_to_a_backfill_though_it_has_no_nota(
    office: Office,
) -> None:
    async with office.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET active_from = '2026-06-01T00:00:00Z'")
    held = await office.desk.sold(
        paid_at="2026-06-03T10:00:00-03:00", customer={"registry_code": None}
    )
    await office.desk.work()
    assert (await office.desk.sale(held)).status == "held"

    found = await office.did(*JUNE)

    assert (found.new, found.known) == (0, 1)
