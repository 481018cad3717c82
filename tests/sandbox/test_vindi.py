import time
from email.utils import parsedate_to_datetime

import pytest

from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.operations import OperationRefusedError

from .conftest import Get


async def test_a_key_shows_its_merchant(get: Get, account: Account) -> None:
    reply = await get("/merchants/current")

    assert reply.status == 200
    assert reply.body["merchant"]["name"] == "Escola Exemplo Ltda"
    assert reply.headers["Rate-Limit-Remaining"] == "119"
    assert reply.headers["ETag"].startswith('W/"')


async def test_an_answer_bears_the_second_in_which_it_was_given(get: Get) -> None:
    before = int(time.time())

    said = parsedate_to_datetime((await get("/bills")).headers["Date"]).timestamp()

    assert before <= said <= time.time()


async def test_keys_are_told_apart(sandbox: Sandbox, get: Get, account: Account) -> None:
    public = sandbox.vindi.add_key(account, public=True)
    blank = sandbox.vindi.add_key(account, role="Blank")
    narrow = sandbox.vindi.add_key(account, role="ReadOnly", denied={"transactions"})

    assert (await get("/bills", key="unknown")).status == 401
    assert (await get("/bills", key=public.key)).status == 401
    assert (await get("/bills", key=blank.key)).status == 403
    assert (await get("/bills", key=narrow.key)).status == 200
    assert (await get("/transactions", key=narrow.key)).status == 403


async def test_a_key_can_be_revoked_and_an_account_blocked(get: Get, account: Account) -> None:
    account.faults.blocked = True
    assert (await get("/bills")).status == 402

    account.keys[0].revoked = True
    assert (await get("/bills")).status == 401


async def test_a_missing_record_and_a_missing_path_look_different(get: Get) -> None:
    record, path = await get("/bills/999"), await get("/hello")

    assert (record.status, record.body["errors"][0]["id"]) == (404, "not_found")
    assert (path.status, path.body["id"]) == (404, "not_found")
    assert "Rate-Limit-Limit" not in path.headers


async def test_an_account_sees_only_its_own_bills(sandbox: Sandbox, get: Get) -> None:
    other = sandbox.vindi.create_account()
    bill = operations.sale(other)

    assert (await get(f"/bills/{bill.id}")).status == 404
    assert (await get(f"/bills/{bill.id}", key=other.keys[0].key)).status == 200


async def test_a_card_sale_is_paid_as_it_is_made(get: Get, account: Account) -> None:
    bill = operations.sale(
        account, lines=[{"amount": "199.90", "quantity": 1}, {"amount": "-20.00"}]
    )

    shown = (await get(f"/bills/{bill.id}")).body["bill"]

    assert (shown["status"], shown["amount"], shown["due_at"]) == ("paid", "179.9", None)
    assert [line["amount"] for line in shown["bill_items"]] == ["199.9", "-20.0"]
    assert shown["bill_items"][1]["discount"]["discount_type"] == "amount"
    assert shown["charges"][0]["paid_at"] == "2026-04-10T12:00:00.000-03:00"


async def test_a_boleto_is_paid_at_midnight_and_known_later(get: Get, account: Account) -> None:
    bill = operations.sale(
        account, method="bank_slip", created_at="2026-04-07T10:00:00", paid_at="2026-04-09T15:30:00"
    )

    shown = (await get(f"/bills/{bill.id}")).body["bill"]

    assert shown["charges"][0]["paid_at"] == "2026-04-09T00:00:00.000-03:00"
    assert shown["updated_at"] == "2026-04-10T12:00:00.000-03:00"


async def test_a_zero_bill_has_no_charge(get: Get, account: Account) -> None:
    bill = operations.sale(account, amount="0")

    shown = (await get(f"/bills/{bill.id}")).body["bill"]

    assert (shown["status"], shown["amount"], shown["charges"]) == ("paid", "0.0", [])


async def test_a_partial_refund_shows_only_in_transactions(
    sandbox: Sandbox, get: Get, account: Account
) -> None:
    bill = operations.sale(account, amount="179.90")
    before = (await get(f"/bills/{bill.id}")).body["bill"]
    sandbox.clock.advance(3600)

    operations.refund(account, bill_id=bill.id, amount="50")

    after = (await get(f"/bills/{bill.id}")).body["bill"]
    since = 'transaction_type=refund created_at>="2026-04-10 12:30:00"'
    refunds = (await get("/transactions", query=since)).body["transactions"]
    assert after["updated_at"] == before["updated_at"]
    assert after["charges"][0]["updated_at"] == before["charges"][0]["updated_at"]
    assert after["charges"][0]["last_transaction"]["transaction_type"] == "refund"
    assert [(r["amount"], r["charge"]["id"]) for r in refunds] == [
        ("50.0", after["charges"][0]["id"])
    ]


@pytest.mark.parametrize("state", ["paid", "pending", "canceled"])
async def test_a_full_refund_leaves_the_bill_where_the_switch_says(
    account: Account, state: str
) -> None:
    account.faults.bill_after_refund = state
    bill = operations.sale(account, amount="100")
    operations.refund(account, bill_id=bill.id, amount="30")

    charge = operations.refund(account, bill_id=bill.id)

    assert (bill.status, charge.status) == (state, "canceled")
    assert bill.cents == (0 if state == "canceled" else 10_000)
    with pytest.raises(OperationRefusedError):
        operations.refund(account, bill_id=bill.id)


async def test_more_than_was_paid_is_never_refunded(account: Account) -> None:
    bill = operations.sale(account, amount="100")

    with pytest.raises(OperationRefusedError):
        operations.refund(account, bill_id=bill.id, amount="100.01")


async def test_a_canceled_bill_loses_its_amount_but_its_lines_do_not(
    get: Get, account: Account
) -> None:
    bill = operations.create_bill(account, amount="80", method="bank_slip")

    operations.cancel_bill(account, bill_id=bill.id)

    shown = (await get(f"/bills/{bill.id}")).body["bill"]
    assert (shown["status"], shown["amount"]) == ("canceled", "0.0")
    assert shown["bill_items"][0]["amount"] == "80.0"
    assert (shown["charges"][0]["status"], shown["charges"][0]["amount"]) == ("canceled", "80.0")


async def test_a_reissued_bill_is_paid_by_its_second_charge(account: Account) -> None:
    bill = operations.create_bill(account, amount="80", method="bank_slip")
    operations.reissue(account, bill_id=bill.id, method="pix")

    operations.pay_bill(account, bill_id=bill.id)

    charges = [account.charges.rows[i] for i in bill.charge_ids]
    assert [(c.method, c.status) for c in charges] == [("bank_slip", "canceled"), ("pix", "paid")]


async def test_an_underpaid_charge_opens_an_issue(get: Get, account: Account) -> None:
    bill = operations.create_bill(account, amount="80", method="bank_slip")

    operations.pay_bill(account, bill_id=bill.id, amount="79.50")

    issues = (await get("/issues")).body["issues"]
    assert issues[0]["data"] == {"expected_amount": "80.0", "transaction_amount": "79.5"}


async def test_canceling_a_subscription_cancels_its_open_bills(account: Account) -> None:
    customer, plan = operations.create_customer(account), operations.create_plan(account)
    parent = operations.create_subscription(account, customer_id=customer.id, plan_id=plan.id)
    paid = operations.renew(account, subscription_id=parent.id)
    unpaid = operations.renew(account, subscription_id=parent.id, paid=False)

    operations.cancel_subscription(account, subscription_id=parent.id)

    assert (paid.status, unpaid.status) == ("paid", "canceled")
    assert account.periods.rows[unpaid.period_id or 0].cycle == 2


async def test_a_bill_in_review_gets_its_charge_when_approved(account: Account) -> None:
    bill = operations.create_bill(account, status="review")
    assert bill.charge_ids == []

    operations.approve_bill(account, bill_id=bill.id)

    assert (bill.status, len(bill.charge_ids)) == ("pending", 1)


async def test_pages_follow_each_other_to_the_end(get: Get, account: Account) -> None:
    operations.bulk_sales(account, count=120, since="2026-03-01", until="2026-03-31", customers=3)
    order = {"sort_by": "created_at", "sort_order": "desc", "per_page": "100"}

    pages = [await get("/bills", page=str(number), **order) for number in (1, 2, 3, 4)]

    assert [len(page.body["bills"]) for page in pages] == [50, 50, 20, 0]
    ids = [bill["id"] for page in pages for bill in page.body["bills"]]
    assert ids == sorted(ids, reverse=True)
    first, last = pages[0].headers, pages[2].headers
    assert (first["Total"], first["Per-Page"]) == ("120", "50")
    assert 'rel="next"' in first["Link"]
    assert 'rel="next"' not in last["Link"]
    assert 'rel="prev"' in last["Link"]


async def test_one_page_has_no_link_and_the_default_order_is_by_id(
    get: Get, account: Account
) -> None:
    for day in ("2026-03-03", "2026-03-01", "2026-03-02"):
        operations.sale(account, created_at=day, paid_at=day)

    reply = await get("/bills")

    assert [bill["id"] for bill in reply.body["bills"]] == [1, 2, 3]
    assert reply.headers["Per-Page"] == "25"
    assert "Link" not in reply.headers


async def test_a_refused_query_is_answered_422(get: Get, account: Account) -> None:
    account.faults.refused_filters = {"updated_at"}

    assert (await get("/bills", query="cor=azul")).status == 422
    assert (await get("/bills", query="updated_at>=2026-01-01")).status == 422
    assert (await get("/bills", per_page="x")).status == 422


async def test_ignored_filters_give_everything(get: Get, account: Account) -> None:
    operations.sale(account)
    account.faults.ignored_filters = {"updated_at"}

    reply = await get("/bills", query="updated_at>=2030-01-01 status=paid")

    assert reply.headers["Total"] == "1"


async def test_rows_move_between_pages_when_sorted_by_what_changes(
    get: Get, account: Account
) -> None:
    operations.bulk_sales(account, count=30, since="2026-03-01", until="2026-03-31")
    account.faults.touch_between_pages = 10

    async def seen(sort_by: str) -> int:
        found = set()
        for page in ("1", "2", "3"):
            reply = await get("/bills", page=page, per_page="10", sort_by=sort_by)
            found |= {bill["id"] for bill in reply.body["bills"]}
        return len(found)

    assert await seen("updated_at") < 30
    assert await seen("created_at") == 30


async def test_pages_can_repeat_and_lose_rows_and_lie_about_the_total(
    get: Get, account: Account
) -> None:
    operations.bulk_sales(account, count=30, since="2026-03-01", until="2026-03-31")
    account.faults.change({"repeat_rows": 1, "omit_rows": 2, "total_off_by": 5})

    reply = await get("/bills", page="2", per_page="10")

    assert [bill["id"] for bill in reply.body["bills"]] == list(range(10, 19))
    assert reply.headers["Total"] == "35"

    account.faults.empty_with_total = 1
    reply = await get("/bills")
    assert (reply.body["bills"], reply.headers["Total"]) == ([], "1")


async def test_a_replica_shows_the_past_for_a_while(
    sandbox: Sandbox, get: Get, account: Account
) -> None:
    bill = operations.create_bill(account, method="bank_slip")
    account.faults.change({"stale_seconds": 10, "stale_lists": True})
    operations.pay_bill(account, bill_id=bill.id)
    new = operations.sale(account)

    assert (await get(f"/bills/{bill.id}")).body["bill"]["status"] == "pending"
    assert (await get(f"/bills/{new.id}")).status == 404
    assert [row["status"] for row in (await get("/bills")).body["bills"]] == ["pending"]

    sandbox.clock.advance(10)
    assert (await get(f"/bills/{bill.id}")).body["bill"]["status"] == "paid"
    assert (await get(f"/bills/{new.id}")).status == 200


async def test_bodies_can_be_odd(get: Get, account: Account) -> None:
    bill = operations.sale(account, amount="79.90")
    account.faults.change(
        {
            "money_as_number": True, "metadata_as_list": True, "unknown_fields": True,
            "status_words": {"paid": "settled"}, "padding_bytes": 1_000_000,
        }
    )  # fmt: skip

    reply = await get(f"/bills/{bill.id}")

    shown = reply.body["bill"]
    assert (shown["amount"], shown["metadata"], shown["status"]) == (79.9, [], "settled")
    assert "novo_campo" in shown
    assert len(reply.body["padding"]) == 1_000_000


async def test_raw_bodies_are_served_as_given_and_can_be_searched(
    get: Get, account: Account
) -> None:
    odd = {
        "id": 4711, "amount": 80, "status": "paid", "created_at": "2015-03-31T09:05:02.000-03:00",
        "metadata": [], "customer": {"id": 5},
    }  # fmt: skip
    operations.load_raw(account, kind="bills", body=odd)
    account.can("/bills/4712", '{"bill":', content_type="text/html")

    assert (await get("/bills/4711")).body == {"bill": odd}
    assert (await get("/bills", query="created_at=2015-03-31")).body == {"bills": [odd]}
    assert (await get("/bills/4712")).body == b'{"bill":'


async def test_a_storm_spoils_as_many_calls_as_it_should(get: Get, account: Account) -> None:
    account.weather.add(kind="html", status=502, count=2)
    account.weather.add(status=429, retry_after="7", count=1)

    replies = [await get("/bills") for _ in range(4)]

    assert [reply.status for reply in replies] == [502, 502, 429, 200]
    assert b"nginx" in replies[0].body
    assert replies[2].headers["Retry-After"] == "7"


async def test_a_full_window_answers_429_and_the_journal_proves_it(
    sandbox: Sandbox, get: Get, account: Account
) -> None:
    real = 1000.0
    account.rate.monotonic = lambda: real
    account.rate.limit, account.rate.length = 3, 60.0

    statuses = [(await get("/bills")).status for _ in range(4)]
    sandbox.clock.advance(86_400)  # the window runs on real time
    statuses.append((reply := await get("/bills")).status)
    real += 60
    statuses.append((await get("/bills")).status)

    assert statuses == [200, 200, 200, 429, 429, 200]
    assert reply.headers["Retry-After"] == "61"
    assert [(e.window, e.count) for e in account.journal] == [
        (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 1),
    ]  # fmt: skip
    assert (account.rate.peak, account.rate.refused) == (5, 2)
