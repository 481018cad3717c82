"""The switches that the other tests have no word about."""

import random

import aiohttp
import pytest

from services.sandbox.enotas.faults import CompanyFaults
from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account

from .conftest import Get, Issuer, Receiver, basic

WHOLE_WAY = 70


async def test_a_bill_just_written_can_be_missing_altogether(
    sandbox: Sandbox, get: Get, account: Account
) -> None:
    bill = operations.create_bill(account, method="pix")
    account.faults.change({"stale_seconds": 10, "stale_as": "missing"})
    operations.pay_bill(account, bill_id=bill.id)

    assert (await get(f"/bills/{bill.id}")).status == 404
    sandbox.clock.advance(11)
    assert (await get(f"/bills/{bill.id}")).status == 200


async def test_an_unknown_filter_can_be_ignored(get: Get, account: Account) -> None:
    operations.sale(account)
    account.faults.unknown_filters = "ignore"

    assert (await get("/bills", query="cor=azul status=paid")).headers["Total"] == "1"


async def test_query_values_can_be_read_as_utc(get: Get, account: Account) -> None:
    operations.sale(account)  # at noon in Brasília, 15:00 UTC
    query = 'updated_at>="2026-04-10 13:00:00"'

    assert (await get("/bills", query=query)).headers["Total"] == "0"
    account.faults.query_zone = "UTC"
    assert (await get("/bills", query=query)).headers["Total"] == "1"


@pytest.mark.parametrize(
    ("cap", "asked", "given"), [(25, 50, 25), (100, 500, 100), (None, 500, 500)]
)
async def test_the_size_of_pages_is_capped(
    get: Get, account: Account, cap: int | None, asked: int, given: int
) -> None:
    account.faults.per_page_cap = cap

    assert (await get("/bills", per_page=str(asked))).headers["Per-Page"] == str(given)


async def test_bills_can_appear_while_a_list_is_read(get: Get, account: Account) -> None:
    operations.sale(account)
    account.faults.insert_between_pages = 2

    totals = [(await get("/bills")).headers["Total"] for _ in range(3)]

    assert totals == ["1", "3", "5"]


async def test_a_merchant_and_a_refunded_charge_show_the_status_they_are_given(
    get: Get, account: Account
) -> None:
    account.faults.change({"merchant_status": "trial", "charge_after_refund": "paid"})
    bill = operations.sale(account)

    charge = operations.refund(account, bill_id=bill.id)

    assert (await get("/merchants/current")).body["merchant"]["status"] == "trial"
    assert charge.status == "paid"


async def test_a_chargeback_can_look_like_a_canceled_charge(account: Account) -> None:
    bill = operations.sale(account)

    charge = operations.chargeback(account, bill_id=bill.id, as_refund=False)

    assert (bill.status, charge.status) == ("paid", "canceled")


async def test_an_edited_bill_no_longer_adds_up(get: Get, account: Account) -> None:
    bill = operations.sale(account, amount="100")

    operations.edit_bill(account, bill_id=bill.id, amount="90")

    shown = (await get(f"/bills/{bill.id}")).body["bill"]
    assert (shown["amount"], shown["bill_items"][0]["amount"]) == ("90.0", "100.0")


async def test_refunds_and_cancellations_also_come_over_http(
    sandbox: Sandbox, account: Account
) -> None:
    paid, unpaid = operations.sale(account), operations.create_bill(account)
    key = sandbox.vindi.add_key(account, role="ReadOnly").key
    url, admin = sandbox.vindi_url, basic(account.keys[0].key)
    async with aiohttp.ClientSession() as session:
        refund = f"{url}/charges/{paid.charge_ids[0]}/refund"
        async with session.post(refund, json={"amount": "10.0"}, headers=basic(key)) as answer:
            assert answer.status == 403
        async with session.post(refund, data={"amount": "10"}, headers=admin) as answer:
            assert answer.status == 406
        async with session.post(refund, json={"amount": "10.0"}, headers=admin) as answer:
            latest = (await answer.json())["charge"]["last_transaction"]
        async with session.delete(f"{url}/bills/{unpaid.id}", headers=admin) as answer:
            canceled = (await answer.json())["bill"]

    assert (latest["transaction_type"], latest["amount"]) == ("refund", "10.0")
    assert canceled["status"] == "canceled"


async def test_events_held_back_at_random_all_arrive(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.change({"reorder_percent": 100, "reorder_seconds": 30})

    for _ in range(5):
        operations.sale(account)
    for _ in range(30):
        sandbox.clock.advance(1)
        await sandbox.settle()

    created_first = ["charge_created", "bill_created", "bill_paid"] * 5
    assert sorted(receiver.types) == sorted(created_first)
    assert receiver.types != created_first


async def test_a_receiver_that_takes_too_long_is_tried_again(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.change({"patience": 0.0001, "ladder": [5], "drop_types": ["bill_paid"]})

    operations.create_bill(account, status="review")
    await sandbox.settle()
    sandbox.clock.advance(5)
    await sandbox.settle()

    assert [parcel.statuses for parcel in sandbox.courier.parcels] == [[0, 0]]


async def test_silence_ends_in_a_cut_line(get: Get, account: Account) -> None:
    account.weather.add(kind="time_out", seconds=0.05)

    with pytest.raises(aiohttp.ClientError):
        await get("/bills")
    assert account.journal[-1].status == 0


async def test_random_outcomes_repeat_with_their_seed(issuer: Issuer) -> None:
    issuer.company.faults.change(
        {"instant": True, "default_outcome": "random", "denied_percent": 50}
    )

    async def outcomes(prefix: str) -> list[str]:
        issuer.sandbox.enotas.machine.rng = random.Random(3)
        for number in range(12):
            await issuer.post(idExterno=f"{prefix}{number}-1")
        return [await issuer.status(f"{prefix}{number}-1") for number in range(12)]

    first = await outcomes("a")

    assert set(first) == {"Autorizada", "Negada"}
    assert await outcomes("b") == first


async def test_a_default_outcome_and_a_quicker_progress(issuer: Issuer) -> None:
    issuer.company.faults.change(
        {"progress": [1, 1, 1, 1, 1], "default_outcome": "deny", "default_denial": "service"}
    )
    await issuer.post()

    issuer.sandbox.clock.advance(5)

    assert await issuer.status() == "Negada"


async def test_cancellation_can_be_refused_by_the_city_or_not_exist_at_all(
    issuer: Issuer,
) -> None:
    issuer.company.faults.change({"instant": True, "cancel_refused": True})
    await issuer.post()
    await issuer.cancel()
    assert await issuer.status() == "CancelamentoNegado"

    issuer.company.faults.change({"cancel_unsupported": True})
    assert (await issuer.cancel()).status == 400


async def test_a_company_out_of_bounds_is_403(issuer: Issuer) -> None:
    issuer.company.faults.forbidden = True

    assert (await issuer.find()).status == 403


async def test_without_accept_the_answer_is_xml(issuer: Issuer) -> None:
    url = f"{issuer.sandbox.enotas_url}/v1/empresas/{issuer.company.id}"
    headers = {"Authorization": f"Basic {issuer.key}"}

    async def content_type() -> str:
        async with issuer.session.get(url, headers=headers, skip_auto_headers=["Accept"]) as answer:
            return answer.content_type

    assert await content_type() == "text/xml"
    issuer.company.faults.accept_required = False
    assert await content_type() == "application/json"


async def test_early_downloads_nulls_and_unknown_words(issuer: Issuer) -> None:
    issuer.company.faults.change(
        {
            "early_download": 400, "nulls_for_absent": True,
            "status_words": {"AguardandoAutorizacao": "NaFila"}, "latency": 0.01,
        }
    )  # fmt: skip
    await issuer.post()

    nota = (await issuer.find()).body

    assert (await issuer.find(tail="/pdf")).status == 400
    assert (nota["status"], nota["numero"]) == ("NaFila", None)


async def test_a_list_can_shift_while_it_is_read(issuer: Issuer) -> None:
    await issuer.post()
    issuer.company.faults.shift_pages = 1

    totals = [(await issuer.call("GET", "/nfes")).body["totalRecords"] for _ in range(3)]

    assert totals == [1, 2, 3]


async def test_status_webhooks_come_late_and_are_tried_again(
    issuer: Issuer, receiver: Receiver
) -> None:
    issuer.sandbox.enotas.keys[issuer.key].webhook_url = receiver.url
    receiver.script = [500]
    issuer.company.faults.change(
        {
            "instant": True, "webhook_delay": 30, "webhook_reorder_seconds": 10,
            "webhook_ladder": [7],
        }
    )  # fmt: skip
    await issuer.post()
    await issuer.sandbox.settle()
    assert receiver.received == []

    for wait in (40, 7):
        issuer.sandbox.clock.advance(wait)
        await issuer.sandbox.settle()

    assert [parcel.statuses for parcel in issuer.sandbox.courier.parcels] == [[500, 200]]


async def test_city_halls_and_their_services_can_be_asked(issuer: Issuer) -> None:
    issuer.sandbox.enotas.providers["4205407"] = {"usaCNAE": True}
    headers = {"Authorization": f"Basic {issuer.key}", "Accept": "application/json"}
    base = f"{issuer.sandbox.enotas_url}/v1/estados"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{base}/cidades/4205407/provedor") as answer:
            assert (await answer.json())["usaCNAE"] is True
        async with session.get(f"{base}/cidades/0000000/provedor") as answer:
            assert answer.status == 400
        where = {"filter": "contains(descricao,'consultoria')"}
        async with session.get(f"{base}/cidades/3304557/servicos", params=where) as answer:
            assert [row["codigo"] for row in (await answer.json())["data"]] == [3115]


def test_steps_of_a_nota_that_are_too_few_are_refused_before_the_clock_trips_over_them() -> None:
    with pytest.raises(ValueError, match="5 numbers"):
        CompanyFaults().change({"progress": [0.2, 0.2]})
