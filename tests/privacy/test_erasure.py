"""One customer is erased: nothing that names them stays but what the report says."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.reconciler.accounts.compare import Verdict, compare_bill
from shared.commands.privacy.erase import WHOLE_EVERY, Subject, step_erasure
from shared.crypto import columns
from shared.crypto.columns import DOCUMENT_WORD
from shared.crypto.seal import Sealer
from shared.db.privacy import erasures_store
from shared.db.tenants import audit_store
from shared.domain.ids import BillId, CustomerId
from shared.domain.privacy.bare import bare_bill
from shared.net.json_bytes import read_json
from shared.vindi.payloads import read_bill
from shared.vindi.stored import open_bill
from tests.privacy.asking import ask, done_with, erased, run_again
from tests.privacy.found import columns_with, together
from tests.privacy.person import DORA, HEARD_AT, RUI, TENANT, Rows

FIRST = 4000
OLD_KEY, NEW_KEY = bytes(range(32)), b"n" * 32  # the old one is that of `sealer`
KEPT_BY_LAW = {"sales.customer_name", "sales.customer", "notas.request"}


async def test_nothing_that_names_the_customer_stays_but_what_the_report_says(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    await rows.everywhere(RUI, FIRST + 100)
    await rows.month_file(DORA)
    before = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    others = await columns_with(rows.pool, rows.sealer, TENANT, RUI.words)

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert len(together(before)) >= 13
    assert after[DORA.email] == after[DORA.phone] == set()
    assert together(after) == KEPT_BY_LAW
    assert [(one["bill_id"], one["why"], one["until"], one["notas"]) for one in report.kept] == [
        (FIRST, "law", "2031-12-31", [f"p-{TENANT}-{FIRST}-1"])
    ]
    assert report.erased["events"] == 6
    assert report.erased["bills"] == 4
    assert report.who is None
    assert report.document_word is None
    # Of everybody else nothing went, but for the file of a month, which named all.
    assert await columns_with(rows.pool, rows.sealer, TENANT, RUI.words) == others


async def test_a_namesakes_events_stay(rows: Rows) -> None:
    await rows.sale(DORA, FIRST, "skipped", code="rule_never")
    namesake = {**RUI.at_vindi, "name": DORA.name}
    await rows.event({"event": {"data": {"customer": namesake}}}, "customer_created")

    await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    assert await rows.pool.fetchval("SELECT count(*) FROM events") == 1


async def test_events_of_bills_that_were_never_read_go_by_what_they_say(rows: Rows) -> None:
    await rows.sale(DORA, FIRST, "skipped", code="rule_never")
    for who in (DORA, RUI):
        named = {"id": who.customer_id, "name": who.name}
        await rows.event({"event": {"data": {"bill": {"customer": named}}}}, "bill_paid", 77)
        written = {"event": {"data": {"bill": {"metadata": {"cpf": who.document}}}}}
        await rows.event(written, "bill_created", 78)

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    assert report.erased["events"] == 2
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()
    assert await rows.pool.fetchval("SELECT count(*) FROM events") == 2


async def test_notas_that_others_issued_are_kept_by_law_and_the_report_counts_them(
    rows: Rows,
) -> None:
    await rows.sale(DORA, FIRST, "skipped", code="rule_never")
    await rows.nota_of_others(DORA, "77")
    await rows.nota_of_others(RUI, "78")

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert together(after) == {"foreign_notas.document"}
    assert list(report.kept) == [{"table": "foreign_notas", "rows": 1, "why": "law"}]


async def test_reasons_that_people_typed_lose_the_name_and_rules_that_have_it_are_counted(
    rows: Rows,
) -> None:
    await rows.sale(DORA, FIRST, "skipped", code="rule_never")
    await rows.reasons(DORA)

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert together(after) == {"rule_versions.rule"}
    assert list(report.kept) == [{"table": "rule_versions", "rows": 1, "why": "append_only"}]
    assert report.erased["accepted_notas"] == 3
    assert [report.erased[table] for table in ("backfills", "closing_locks", "rps_series")] == [
        1,
        1,
        1,
    ]
    assert await rows.pool.fetchval("SELECT reason FROM closing_locks") == "Combinado com […], […]"


async def test_a_reason_that_was_typed_for_sales_of_others_loses_the_name_there_too(
    rows: Rows,
) -> None:
    await rows.sale(DORA, FIRST, "skipped", code="rule_never")
    await rows.sale(RUI, FIRST + 1, "held", code="held_by_person")
    await rows.pool.execute("UPDATE timeline SET at = now() - interval '90 days'")
    others = (
        "SELECT array_agg(why ORDER BY entry_id) FROM timeline WHERE bill_id = $1 AND what = 'hold'"
    )
    for why in (f"como a venda de {DORA.name}", "outra coisa"):
        await audited(rows, {"reason": why})
        await rows.pool.execute(
            "INSERT INTO timeline (tenant_id, bill_id, what, why, by)"
            " VALUES ($1, $2, 'hold', $3, 'Ana')",
            TENANT,
            FIRST + 1,
            why,
        )

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert together(after) == {"audit.detail"}
    assert list(report.kept) == [{"table": "audit", "rows": 1, "why": "append_only"}]
    assert await rows.pool.fetchval(others, FIRST + 1) == ["como a venda de […]", "outra coisa"]


async def test_keys_change_while_an_erasure_by_document_runs(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    asked = await ask(rows, Subject(document=DORA.document))
    new = Sealer([NEW_KEY, OLD_KEY])
    await rows.pool.execute(  # as a rotation does it
        "UPDATE sales SET document_word = $1",
        new.word(DORA.document, tenant=TENANT, purpose=DOCUMENT_WORD),
    )
    later = replace(rows, sealer=new)

    report = await done_with(later, asked)

    assert list(report.customers) == [DORA.customer_id]
    after = await columns_with(rows.pool, new, TENANT, DORA.words)
    assert together(after) == KEPT_BY_LAW


async def test_by_document_the_same_customer_is_found(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)

    report = await erased(rows, Subject(document="123.456.789-09"))

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert list(report.customers) == [DORA.customer_id]
    assert together(after) == KEPT_BY_LAW
    assert len(report.bills) == 4


async def test_what_is_not_over_keeps_its_customer_until_it_is(rows: Rows) -> None:
    await rows.sale(DORA, FIRST, "held", code="customer_address_incomplete")

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))
    kept = await rows.pool.fetchval("SELECT customer_name FROM sales")
    await rows.pool.execute("UPDATE sales SET status = 'skipped'")
    again = await run_again(rows, report)

    assert [(one["bill_id"], one["why"]) for one in report.kept] == [(FIRST, "open")]
    assert kept == DORA.name
    assert list(again.kept) == []
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()


async def test_what_arrives_later_does_not_bring_the_customer_back(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    later = datetime.now(UTC)
    await rows.bill(DORA, FIRST + 1, at=later)
    await rows.event({"event": {"data": {"customer": DORA.at_vindi}}}, "customer_updated")
    await rows.event({"event": {"data": {"bill": DORA.at_vindi}}}, "bill_paid", FIRST + 1)
    await rows.sale(DORA, FIRST + 9, "queued", at=later)
    new_sale = await rows.pool.fetchval("SELECT count(*) FROM sales WHERE status = 'queued'")
    again = await run_again(rows, report)

    found = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert new_sale == 1
    assert {(one["bill_id"], one["why"]) for one in again.kept} == {
        (FIRST, "law"),
        (FIRST + 9, "open"),
    }
    assert "events.body" not in together(found)
    assert await whose(rows, FIRST + 1) == ""
    assert await whose(rows, FIRST + 9) == DORA.name


async def test_what_an_import_of_older_sales_brings_back_goes_within_a_week(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))
    await rows.bill(DORA, FIRST - 1)  # as old as all the others
    await rows.pool.execute("UPDATE erasures SET runs = $1", WHOLE_EVERY)

    await run_again(rows, report)

    assert await whose(rows, FIRST - 1) == ""


async def test_a_later_run_takes_nothing_back_of_what_the_report_said(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    await rows.nota_of_others(DORA, "77")
    typed = {"reason": f"pedido de {DORA.name}"}
    await audited(rows, typed)
    await audited(rows, {"reason": "pedido de outra pessoa"})
    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    await rows.pool.execute("UPDATE erasures SET turn_at = now()")
    told = []
    while await step_erasure(rows.pool, rows.sealer, TENANT, report.id):
        async with rows.pool.acquire() as conn:
            now = await erasures_store.get(conn, TENANT, report.id)
        assert now is not None
        told.append(list(now.kept))
    await audited(rows, typed)
    later = await run_again(rows, report)

    beside = {one["table"]: one["rows"] for one in report.kept if "table" in one}
    assert beside == {"audit": 1, "foreign_notas": 1}
    assert all(len(kept) == len(report.kept) for kept in told)
    assert {one["table"]: one["rows"] for one in later.kept if "table" in one} == {
        "audit": 2,
        "foreign_notas": 1,
    }


async def test_a_later_run_looks_at_no_line_of_the_audit_twice(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    await rows.pool.execute(
        "INSERT INTO audit (tenant_id, at, actor, action, detail)"
        " SELECT $1, now() - interval '3 days' + n * interval '1 s', 'Ana', 'x',"
        " jsonb_build_object('reason', CASE WHEN n % 10000 = 0 THEN $2 ELSE 'outra' END)"
        " FROM generate_series(1, 50000) n",
        TENANT,
        f"Pediu {DORA.name}",
    )
    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))
    read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
    read += " WHERE relname = 'audit'"
    before = await rows.pool.fetchval(read)

    again = await run_again(rows, report)

    counted = {one["table"]: one["rows"] for one in again.kept if "table" in one}
    assert counted == {"audit": 5}
    assert await rows.pool.fetchval(read) - before < 1000


async def test_a_bill_that_was_read_before_a_run_and_stored_after_it_goes_too(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    await rows.pool.execute("UPDATE bills SET created_at = now()")
    await rows.bill(DORA, FIRST + 1, at=report.asked_at - timedelta(minutes=5))
    await run_again(rows, report)

    assert await whose(rows, FIRST + 1) == ""


async def test_it_goes_on_wherever_it_was_killed(rows: Rows) -> None:
    chance = random.Random(17)
    for place in range(12):
        await rows.everywhere(DORA, FIRST + 10 * place)
    asked = await ask(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    kills = 0
    longest = 0.0005  # no machine takes a step in this; it grows until each one can be finished
    for _ in range(400):
        step = asyncio.create_task(step_erasure(rows.pool, rows.sealer, TENANT, asked.id))
        done, _pending = await asyncio.wait({step}, timeout=chance.uniform(0, longest))
        longest = min(longest * 1.03, 0.2)
        if not done:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
            kills += 1
        elif not step.result():
            break
    report = await done_with(rows, asked)

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert kills > 0
    assert together(after) == KEPT_BY_LAW
    assert report.erased["events"] == 12 * 6
    assert report.erased["bills"] == 12 * 4
    assert len(report.kept) == 12


async def test_a_document_whose_time_is_up_is_kept_no_longer(rows: Rows) -> None:
    await rows.sale(DORA, FIRST, "issued")
    await rows.nota(DORA, FIRST, "issued", competencia=date(2014, 3, 1))

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    assert list(report.kept) == []
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()


async def test_a_customer_that_the_law_keeps_and_nobody_can_open_stays_and_is_told(
    rows: Rows,
) -> None:
    await rows.sale(DORA, FIRST, "issued")
    await rows.nota(DORA, FIRST, "issued")
    damaged = b"\x02 damaged, or under a key that is gone"
    await rows.pool.execute("UPDATE sales SET customer = $1, unread = $1", damaged)

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    kept = await rows.pool.fetchrow("SELECT customer, unread FROM sales")
    assert kept is not None
    assert (kept["customer"], kept["unread"]) == (damaged, None)
    assert [one["why"] for one in report.kept] == ["law", "unreadable"]


async def test_the_audit_names_ticket_and_reason_and_nobody(rows: Rows) -> None:
    await rows.everywhere(DORA, FIRST)
    await erased(rows, Subject(document=DORA.document))

    lines = await rows.pool.fetch("SELECT actor, action, detail FROM audit ORDER BY entry_id")
    assert [(line["actor"], line["action"]) for line in lines] == [
        ("support", "customer_erasure"),
        ("reconciler", "customer_erased"),
    ]
    assert lines[0]["detail"]["ticket"] == "DESK-17"


async def test_a_reader_of_vindi_sees_no_difference_in_a_bill_whose_customer_is_gone(
    rows: Rows,
) -> None:
    await rows.bill(DORA, FIRST)
    sealed = await rows.pool.fetchval("SELECT body FROM bills")
    whole = open_bill(rows.sealer, TENANT, BillId(FIRST), sealed).value
    raw = read_json(columns.BILL.open(rows.sealer, TENANT, sealed, FIRST))
    bare = read_bill(bare_bill(raw))
    dearer = read_bill({**raw, "amount": "101.0"})

    assert compare_bill(bare, whole) is Verdict.SAME
    assert compare_bill(bare, dearer) is Verdict.DIFFERS
    assert bare.amount == whole.amount
    assert bare.paid_charges == whole.paid_charges


@pytest.mark.parametrize("state", ["leased", "due"])
async def test_a_sale_that_a_worker_has_is_left_to_it(rows: Rows, state: str) -> None:
    await rows.sale(DORA, FIRST, "skipped", code="rule_never")
    await rows.pool.execute(
        "UPDATE outbox SET state = $1, lease_until = CASE WHEN $1 = 'leased' THEN $2::timestamptz"
        " END",
        state,
        HEARD_AT,
    )

    report = await erased(rows, Subject(customer_id=CustomerId(DORA.customer_id)))

    assert [(one["bill_id"], one["why"]) for one in report.kept] == [(FIRST, "open")]


async def audited(rows: Rows, detail: dict[str, str]) -> None:
    async with rows.pool.acquire() as conn:
        await audit_store.add(conn, TENANT, actor="Ana", action="x", detail=detail)


async def whose(rows: Rows, bill: int) -> str:
    sql = "SELECT body FROM bills WHERE bill_id = $1"
    body = await rows.pool.fetchval(sql, bill)
    return open_bill(rows.sealer, TENANT, BillId(bill), body).value.customer_name
