"""One bad row, or an account whose lists are odd, stops no pass for ever."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.raw import load_raw
from shared.db.vindi import watch_store
from shared.watch.connection import ConnectionCheck, judge
from tests.services.emitter.conftest import TENANT, a_buyer
from tests.services.reconciler.conftest import Watch
from tests.vendors.bodies import a_bill, a_charge

ODD = 880001


def now_of(watch: Watch) -> str:
    at = datetime.fromtimestamp(watch.desk.account.now_ms() / 1000)  # noqa: DTZ006 - zone follows
    return at.astimezone().isoformat(timespec="milliseconds")


def an_odd_bill(watch: Watch, number: int = ODD, **changed: Any) -> None:
    customer = watch.desk.sell().customer_id
    now = now_of(watch)
    body = {"created_at": now, "updated_at": now, "customer": {"id": customer, "name": "Cliente"}}
    load_raw(watch.desk.account, kind="bills", body=a_bill(number, **{**body, **changed}))


async def health(watch: Watch, code: str) -> ConnectionCheck:
    async with watch.desk.pool.acquire() as conn:
        facts = await watch_store.facts(conn, TENANT)
    assert facts is not None
    found = judge(facts, every=timedelta(minutes=5))
    return next(check for check in found if check.code == code)


@pytest.mark.parametrize(
    "changed",
    [
        {"updated_at": "9999-12-31T23:59:59.000-03:00"},
        {"created_at": "0001-01-01T00:00:00.000+03:00"},
        {"charges": [a_charge(paid_at="9999-12-31T00:00:00.000-03:00")]},
        {"amount": "1e14"},
        {"bill_items": [{"id": [1], "amount": "1.0"}]},
    ],
)
async def test_a_bill_of_another_century_is_left_to_the_emitter_and_the_pass_is_complete(
    watch: Watch, changed: dict[str, Any]
) -> None:
    an_odd_bill(watch, **changed)
    others = [watch.desk.sell() for _ in range(3)]

    first = await watch.pass_once()
    second = await watch.pass_once()
    await watch.desk.work()

    assert (first.error, second.error) == (None, None)
    assert all(watch.desk.notas_of(bill) for bill in others)
    async with watch.desk.pool.acquire() as conn:
        code = await conn.fetchval("SELECT code FROM sales WHERE bill_id = $1", ODD)
    assert code == "bill_unreadable"
    assert await watch.due() == set()


async def test_a_damaged_row_of_ours_is_read_anew(watch: Watch) -> None:
    bills = [watch.desk.sell() for _ in range(3)]
    await watch.pass_once()
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE bills SET body = '\\x00' WHERE bill_id = $1", bills[1].id)

    state = await watch.pass_once()
    await watch.desk.work()

    assert state.error is None
    stored = await watch.stored(bills[1])
    assert stored is not None
    assert stored.body != b"\x00"
    assert all(watch.desk.notas_of(bill) for bill in bills)


async def test_a_row_that_the_database_refuses_is_left_to_the_emitter(watch: Watch) -> None:
    bills = [watch.desk.sell() for _ in range(4)]
    async with watch.desk.pool.acquire() as conn:
        await conn.execute(
            f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.bill_id = {bills[0].id} THEN
                    RAISE EXCEPTION 'out of range' USING ERRCODE = '22003';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON bills
                FOR EACH ROW EXECUTE FUNCTION refuse();
            """
        )

    state = await watch.pass_once()
    await watch.desk.work()

    assert state.error is None
    assert all(watch.desk.notas_of(bill) for bill in bills[1:])
    assert (await watch.desk.sale(bills[0])).code == "decision_failed"


async def test_a_refund_of_no_charge_is_passed_over(watch: Watch) -> None:
    bill = watch.desk.sell()
    operations.refund(watch.desk.account, bill_id=bill.id, amount="20.00", events=False)
    now = now_of(watch)
    for number, more in ((77001, {"charge": None}), (77002, {}), (77003, {"charge": {"id": -5}})):
        body = {"id": number, "transaction_type": "refund", "status": "success", "amount": "1.0"}
        load_raw(
            watch.desk.account,
            kind="transactions",
            body={**body, "created_at": now, "updated_at": now, **more},
        )

    state = await watch.pass_once()
    await watch.desk.work()

    assert state.error is None
    assert (await watch.desk.sale(bill)).code == "partially_refunded"


@pytest.mark.parametrize("repeat", [False, True])
async def test_lists_that_do_not_say_how_long_they_are_are_read_and_shown_in_health(
    watch: Watch, repeat: bool
) -> None:
    faults = watch.desk.account.faults
    faults.lists_without_total = {"all"}
    faults.repeat_pages = {"all"} if repeat else set()
    bills = [watch.desk.sell() for _ in range(5)]

    state = await watch.pass_once()
    asked = watch.requests()
    await watch.desk.work()

    assert state.error is None
    assert all(watch.desk.notas_of(bill) for bill in bills)
    assert asked < 30
    assert watch.requests() < 45
    odd = await health(watch, "vindi_lists_odd")
    assert odd.status == "degraded"
    assert ("repetem as páginas" in odd.message) is repeat


@pytest.mark.parametrize("alike", [False, True])
async def test_two_buyers_of_lists_without_a_count_get_their_own_nota_each(
    watch: Watch, alike: bool
) -> None:
    """A middleman takes the counts away and answers every page, and every question, alike."""
    faults = watch.desk.account.faults
    faults.lists_without_total = {"all"}
    faults.repeat_pages = {"customers"} if alike else set()
    faults.ignore_or_filters = alike
    buyers = {"Cliente Um": "52998224725", "Cliente Dois": "11144477735"}
    bills = [
        watch.desk.sell(customer={"name": name, "registry_code": document})
        for name, document in buyers.items()
    ]

    for _ in range(3):  # a pass later nothing is told twice
        state = await watch.pass_once()
        await watch.desk.work()
        assert state.error is None

    for bill, (name, document) in zip(bills, buyers.items(), strict=True):
        (nota,) = watch.desk.notas_of(bill)
        assert nota.body["cliente"]["nome"] == name
        assert nota.body["cliente"]["cpfCnpj"] == document
    assert watch.requests() < 90
    odd = await health(watch, "vindi_lists_odd")
    assert odd.status == "degraded"
    assert "não dizem quantos registros têm" in odd.message


async def test_full_pages_that_repeat_end_and_leave_the_pass_incomplete(watch: Watch) -> None:
    faults = watch.desk.account.faults
    faults.change({"lists_without_total": ["bills"], "repeat_pages": ["bills"], "per_page_cap": 50})
    for _ in range(60):
        watch.desk.sell()

    state = await watch.pass_once()

    assert state.error == "pages_repeat"
    assert watch.requests() < 40
    assert (await health(watch, "last_pass")).status != "ok"
    assert (await health(watch, "vindi_lists_odd")).status == "degraded"


async def test_an_account_in_order_is_not_odd(watch: Watch) -> None:
    bills = [watch.desk.sell() for _ in range(3)]

    await watch.pass_once()
    await watch.desk.work()

    assert bills
    assert (await health(watch, "vindi_lists_odd")).status == "ok"


async def test_an_account_that_ignores_or_shows_it_in_health(watch: Watch) -> None:
    watch.desk.account.faults.ignore_or_filters = True
    for _ in range(60):
        watch.desk.sell()
    bills = [await watch.desk.sold() for _ in range(3)]

    await watch.desk.work()

    assert all(watch.desk.notas_of(bill) for bill in bills)
    odd = await health(watch, "vindi_lists_odd")
    assert odd.status == "degraded"
    assert "ignoram a escolha" in odd.message


async def test_pages_of_somebody_else_are_named_in_health(watch: Watch) -> None:
    watch.desk.account.weather.add(kind="html", status=200, path_has="/charges")

    await watch.pass_once()

    odd = await health(watch, "vindi_lists_odd")
    assert odd.status == "degraded"
    assert "outro sistema" in odd.message


@pytest.mark.parametrize("phones", [True, 5, "11", {"number": "11"}, [1, None, [1]]])
async def test_a_customer_of_an_odd_shape_stops_no_pass(watch: Watch, phones: Any) -> None:
    waits, bill = watch.desk.sell(customer={"name": ""}), watch.desk.sell()
    await watch.pass_once()
    await watch.desk.work()
    assert (await watch.desk.sale(waits)).status == "held"
    now = now_of(watch)
    odd = {**a_buyer(), "id": 990001, "phones": phones, "created_at": now, "updated_at": now}
    load_raw(watch.desk.account, kind="customers", body=odd)

    state = await watch.pass_once()

    assert state.error is None
    assert watch.desk.notas_of(bill)
