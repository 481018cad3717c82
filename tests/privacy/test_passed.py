"""A bill passed from one customer to another at Vindi: what is whose when one is erased."""

from datetime import date
from typing import Any

import pytest

from shared.commands.privacy.erase import Subject
from shared.commands.privacy.tell_person import find_person, person_json
from shared.commands.privacy.whose import opened
from shared.crypto import columns
from shared.crypto.columns import DOCUMENT_WORD
from shared.db.tenants import tenants_store
from shared.domain.ids import CustomerId
from shared.domain.spoken import passed
from tests.privacy.asking import erased, run_again
from tests.privacy.found import columns_with, together
from tests.privacy.person import DORA, HEARD_AT, RUI, TENANT, Person, Rows

BILL = 5000
BY_NUMBER = Subject(customer_id=CustomerId(DORA.customer_id))
LAW = {"sales.customer_name", "sales.customer", "notas.request"}


async def test_what_was_heard_before_it_passed_goes_and_what_came_after_stays(rows: Rows) -> None:
    await rows.sale(DORA, BILL + 50, "skipped", code="rule_never")
    await rows.sale(RUI, BILL, "skipped", code="rule_never")
    for who in (DORA, RUI):
        await heard(rows, who, BILL)
        await rows.event(of_charge(who), "charge_rejected", BILL)

    report = await erased(rows, BY_NUMBER)

    assert report.erased["events"] == 2
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()
    assert await rows.pool.fetchval("SELECT count(*) FROM events") == 2
    assert await named(rows, BILL) == RUI.name


async def test_of_whom_nothing_else_is_kept_is_found_by_what_was_heard(rows: Rows) -> None:
    """The document is learned from an event, and looked for in those that were passed by."""
    await rows.sale(RUI, BILL, "skipped", code="rule_never")
    cpf = {"event": {"data": {"bill": {"id": BILL, "metadata": {"cpf": DORA.document}}}}}
    await rows.event(cpf, "bill_created", BILL)
    await heard(rows, DORA, BILL)
    await heard(rows, RUI, BILL)
    await rows.pool.execute(
        "INSERT INTO timeline (tenant_id, bill_id, what, why, by) VALUES ($1, $2, 'hold', $3,"
        " 'Ana')",
        TENANT,
        BILL,
        f"a pedido de {DORA.name}",
    )

    report = await erased(rows, BY_NUMBER)

    assert report.erased["events"] == 2
    assert list(report.bills) == [BILL]
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()
    assert await named(rows, BILL) == RUI.name


@pytest.mark.parametrize("by_history", [True, False])
async def test_a_refused_nota_of_the_one_before_goes(rows: Rows, *, by_history: bool) -> None:
    """Also where the sale waits: what it owes is owed to the other."""
    await rows.sale(DORA, BILL + 50, "skipped", code="rule_never")
    await rows.sale(RUI, BILL, "denied", code="denied_document")
    await rows.nota(DORA, BILL, "denied")
    if by_history:
        await tell_passed(rows, DORA, RUI)
    else:
        await heard(rows, DORA, BILL)
    others = await columns_with(rows.pool, rows.sealer, TENANT, RUI.words)

    report = await erased(rows, BY_NUMBER)

    assert list(report.kept) == []
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()
    assert await columns_with(rows.pool, rows.sealer, TENANT, RUI.words) == others


async def test_a_nota_that_the_city_has_keeps_its_buyer_and_nobody_to_reach(rows: Rows) -> None:
    await rows.sale(RUI, BILL, "queued")
    await rows.nota(DORA, BILL, "cancelled")
    await tell_passed(rows, DORA, RUI)

    report = await erased(rows, Subject(document=None, customer_id=BY_NUMBER.customer_id))

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert [(one["bill_id"], one["why"]) for one in report.kept] == [(BILL, "law")]
    assert after[DORA.email] == after[DORA.phone] == set()
    assert together(after) == {"notas.request"}
    assert await named(rows, BILL) == RUI.name


async def test_of_a_standing_nota_the_sale_is_in_the_name_of_whom_it_was_made_out_to(
    rows: Rows,
) -> None:
    await rows.sale(DORA, BILL, "issued")
    await rows.nota(DORA, BILL, "issued")
    await heard(rows, DORA, BILL)
    await rows.bill(RUI, BILL)
    await heard(rows, RUI, BILL)
    await rows.pool.execute("UPDATE bills SET customer_id = $1", RUI.customer_id)
    others = await columns_with(rows.pool, rows.sealer, TENANT, RUI.words)

    report = await erased(rows, BY_NUMBER)

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert [(one["bill_id"], one["why"]) for one in report.kept] == [(BILL, "law")]
    assert together(after) == LAW
    assert await columns_with(rows.pool, rows.sealer, TENANT, RUI.words) == others


async def test_to_whom_it_passed_is_erased_without_the_one_before(rows: Rows) -> None:
    await rows.sale(DORA, BILL, "issued")
    await rows.nota(DORA, BILL, "issued")
    await heard(rows, DORA, BILL)
    before = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    await rows.bill(RUI, BILL)
    await heard(rows, RUI, BILL)
    await rows.pool.execute("UPDATE bills SET customer_id = $1", RUI.customer_id)
    del before[DORA.phone]  # in the bill's body

    await erased(rows, Subject(customer_id=CustomerId(RUI.customer_id)))

    assert together(await columns_with(rows.pool, rows.sealer, TENANT, RUI.words)) == set()
    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert after[DORA.email] == before[DORA.email] - {"bills.body", "events.body"}
    assert after[DORA.name] >= LAW


async def test_a_row_left_half_to_another_loses_the_one_whose_number_it_has_not(
    rows: Rows,
) -> None:
    """As versions of before wrote it: the number of one, the document of the one before."""
    await rows.sale(RUI, BILL + 50, "skipped", code="rule_never")
    await rows.sale(DORA, BILL, "held", code="customer_unreadable")
    await rows.bill(RUI, BILL)
    await rows.pool.execute(
        "UPDATE bills SET customer_id = $1 WHERE bill_id = $2", RUI.customer_id, BILL
    )
    await rows.pool.execute(
        "UPDATE sales SET customer_id = $1 WHERE bill_id = $2", RUI.customer_id, BILL
    )

    report = await erased(rows, Subject(document=DORA.document))

    assert list(report.customers) == [DORA.customer_id]
    assert list(report.bills) == [BILL]
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()
    assert await named(rows, BILL + 50) == RUI.name


async def test_who_waits_to_be_taken_out_is_known_until_then(rows: Rows) -> None:
    """The sale passes while it waits; its refused nota is of somebody whom nothing else names."""
    await rows.sale(DORA, BILL, "denied", code="denied_document")
    await rows.nota(DORA, BILL, "denied")
    report = await erased(rows, BY_NUMBER)
    assert report.who is not None
    word = rows.sealer.word(RUI.document, tenant=TENANT, purpose=DOCUMENT_WORD)
    await rows.bill(RUI, BILL)
    await rows.pool.execute("UPDATE bills SET customer_id = $1", RUI.customer_id)
    await rows.pool.execute(
        "UPDATE sales SET customer_id = $1, customer_name = $2, customer = $3, unread = NULL,"
        " document_word = $4, detail = ''",
        RUI.customer_id,
        RUI.name,
        rows.sealed(columns.CUSTOMER, RUI.at_vindi, BILL),
        word,
    )

    again = await run_again(rows, report)

    assert list(again.kept) == []
    assert again.who is None
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()
    assert await rows.pool.fetchval("SELECT customer_name FROM sales") == RUI.name


async def test_an_example_of_a_refusal_goes_whoevers_sale_it_is_of_by_now(rows: Rows) -> None:
    await rows.everywhere(DORA, BILL)
    await rows.sale(RUI, BILL + 50, "skipped", code="rule_never")
    await rows.pool.execute("UPDATE unknown_denials SET bill_id = $1", BILL + 50)

    report = await erased(rows, BY_NUMBER)

    assert report.erased["unknown_denials"] == 1
    assert await rows.pool.fetchval("SELECT count(*) FROM unknown_denials") == 0


async def test_an_action_under_way_and_the_askings_themselves_lose_the_name(rows: Rows) -> None:
    await rows.everywhere(DORA, BILL)
    await rows.pool.execute("UPDATE bulk_jobs SET status = 'running', ended_at = NULL")
    for reason in (f"pedido de {DORA.name}", "outro pedido"):
        await rows.pool.execute(
            "INSERT INTO erasures (tenant_id, erasure_id, ticket, reason, asked_by, asked_at,"
            " turn_at) VALUES ($1, $2, 'DESK-1', $3, 'Ana', now(), now() + interval '1 day')",
            TENANT,
            f"e{len(reason):010}",
            reason,
        )

    await erased(rows, BY_NUMBER)

    after = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)
    assert together(after) == LAW
    reasons = await rows.pool.fetch("SELECT reason FROM erasures WHERE ticket = 'DESK-1'")
    assert {row["reason"] for row in reasons} == {"pedido de […]", "outro pedido"}


async def test_a_file_that_is_being_made_begins_anew(rows: Rows) -> None:
    await rows.everywhere(DORA, BILL)
    await rows.month_file(DORA)
    await rows.pool.execute("UPDATE month_files SET state = 'working', lease_until = now()")

    await erased(rows, BY_NUMBER)

    file = await rows.pool.fetchrow("SELECT state, attempt, lease_until FROM month_files")
    assert file is not None
    assert (file["state"], file["lease_until"]) == ("queued", None)
    assert file["attempt"] > 0
    assert await rows.pool.fetchval("SELECT count(*) FROM month_file_pieces") == 0


@pytest.mark.parametrize("who", [DORA, RUI])
async def test_each_is_told_of_a_bill_that_passed_what_is_theirs_alone(
    rows: Rows, who: Person
) -> None:
    await rows.sale(DORA, BILL + 50, "skipped", code="rule_never")
    await rows.sale(RUI, BILL, "issued")
    await rows.nota(DORA, BILL, "cancelled")
    await rows.pool.execute(
        "UPDATE notas SET revision = 2, external_id = 'another', reason = NULL, request = $1",
        rows.sealed(columns.REQUEST, await sent(rows), BILL, 0, 2),
    )
    await rows.nota(RUI, BILL, "issued", competencia=date(2026, 11, 11))
    await tell_passed(rows, DORA, RUI)
    for one in (DORA, RUI):
        await heard(rows, one, BILL)
    other = RUI if who is DORA else DORA

    async with rows.pool.acquire() as conn:
        tenant = await tenants_store.get(conn, TENANT)
    assert tenant is not None
    subject = Subject(customer_id=CustomerId(who.customer_id))
    found = await find_person(rows.pool, rows.sealer, tenant, subject)
    pieces = [
        piece async for piece in person_json(rows.pool, rows.sealer, tenant, found, at=HEARD_AT)
    ]
    text = b"".join(pieces).decode()

    assert BILL in found.bills
    assert not [word for word in other.words if word in text]
    assert text.count('"tomador"') == 1
    assert text.count('"type":"bill_paid"') == 1


async def heard(rows: Rows, who: Person, bill: int) -> None:
    shown = {"id": bill, "code": f"de {who.name}", "customer": who.at_vindi}
    await rows.event({"event": {"data": {"bill": shown}}}, "bill_paid", bill)


def of_charge(who: Person) -> dict[str, Any]:
    customer = {"id": who.customer_id, "name": who.name, "email": who.email}
    profile = {"holder_name": who.name.upper()}
    charge = {"id": 1, "customer": customer, "last_transaction": {"payment_profile": profile}}
    return {"event": {"data": {"charge": charge}}}


async def tell_passed(rows: Rows, old: Person, new: Person) -> None:
    """As the emitter tells it."""
    await rows.pool.execute(
        "INSERT INTO timeline (tenant_id, bill_id, what, why, by) VALUES ($1, $2, 'changed', $3,"
        " 'emitter')",
        TENANT,
        BILL,
        f"{passed(old.customer_id, new.customer_id)}; porque a fatura mudou na Vindi",
    )


async def sent(rows: Rows) -> dict[str, Any]:
    sealed = await rows.pool.fetchval("SELECT request FROM notas")
    draft = opened(rows.sealer, TENANT, columns.REQUEST, sealed, BILL, 0, 1)
    assert draft is not None
    return draft


async def named(rows: Rows, bill: int) -> str:
    """The name that stands in a sale, in its bill and in what was read of its customer."""
    row = await rows.pool.fetchrow(
        "SELECT s.customer_name, s.customer, b.body FROM sales s JOIN bills b USING (tenant_id,"
        " bill_id) WHERE bill_id = $1",
        bill,
    )
    assert row is not None
    customer = opened(rows.sealer, TENANT, columns.CUSTOMER, row["customer"], bill)
    body = opened(rows.sealer, TENANT, columns.BILL, row["body"], bill)
    assert customer is not None
    assert body is not None
    found = {row["customer_name"], customer["name"], body["customer"]["name"]}
    assert len(found) == 1
    return str(found.pop())
