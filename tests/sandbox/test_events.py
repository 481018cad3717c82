from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account

from .conftest import Receiver


async def test_registering_a_webhook_sends_vindis_test_event(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    url = receiver.url.replace("http://", "http://tenant:s3cret@")

    sandbox.vindi.register_webhook(account, url)
    await sandbox.settle()

    headers, body = receiver.received[0]
    assert body["event"]["type"] == "test"
    assert "content" in body["event"]["data"]["quote"]
    assert headers["User-Agent"] == "Vindi-Hookshot/1.0"
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert headers["Authorization"] == "Basic dGVuYW50OnMzY3JldA=="


async def test_a_sale_is_told_with_the_bill_as_it_is_when_sent(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)

    bill = operations.sale(account, amount="179.90")
    await sandbox.settle()

    assert sorted(receiver.types) == ["bill_created", "bill_paid", "charge_created"]
    told = {body["event"]["type"]: body["event"]["data"] for _, body in receiver.received}
    assert told["bill_created"]["bill"]["status"] == "paid"
    assert told["charge_created"]["charge"]["bill"]["id"] == bill.id


async def test_recorded_timing_lets_the_payment_overtake(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.timing = "recorded"

    operations.sale(account)
    for _ in range(10):
        sandbox.clock.advance(0.1)
        await sandbox.settle()

    assert receiver.types == ["bill_paid", "charge_created", "bill_created"]


async def test_dropped_events_are_counted_and_never_sent(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.drop_percent = 100

    operations.sale(account)
    await sandbox.settle()

    assert receiver.received == []
    assert sandbox.courier.counts == {"dropped": 3}


async def test_some_events_get_lost_and_the_same_ones_every_time(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.change({"drop_percent": 50})

    def lost() -> int:
        account.rng.seed(7)
        before = sandbox.courier.counts["dropped"]
        for _ in range(20):
            operations.sale(account)
        return sandbox.courier.counts["dropped"] - before

    first = lost()

    assert 10 < first < 50
    assert lost() == first
    await sandbox.settle()


async def test_parallel_and_later_duplicates_carry_the_same_event(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.change(
        {"parallel_percent": 100, "duplicate_percent": 100, "drop_types": ["charge_created"]}
    )

    operations.create_bill(account)
    await sandbox.settle()
    assert receiver.types == ["bill_created"] * 2
    sandbox.clock.advance(10)
    await sandbox.settle()

    assert receiver.types == ["bill_created"] * 3
    assert len({body["event"]["created_at"] for _, body in receiver.received}) == 1


async def test_a_refused_event_climbs_the_ladder_until_it_is_taken(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.drop_types = {"charge_created"}
    receiver.script = [500, 302, 404]

    operations.create_bill(account)
    for wait in (0, 60, 300, 900):
        sandbox.clock.advance(wait)
        await sandbox.settle()

    assert sandbox.courier.parcels[0].statuses == [500, 302, 404, 200]
    assert sandbox.courier.counts == {
        "dropped": 1, "queued": 1, "attempts": 4, "failed": 3, "acked": 1,
    }  # fmt: skip


async def test_after_two_days_of_refusals_an_event_is_gone_for_good(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.drop_types = {"charge_created"}
    receiver.script = [503] * 50

    operations.create_bill(account)
    await sandbox.settle()
    for _ in range(60):
        sandbox.clock.advance(3600)
        await sandbox.settle()

    assert sandbox.courier.parcels[0].state == "given_up"
    assert len(receiver.received) == 10


async def test_a_retry_carries_the_newer_state_unless_bodies_are_frozen(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.drop_types = {"charge_created", "bill_paid"}

    async def statuses_told() -> list[str]:
        receiver.received.clear()
        receiver.script = [500]
        bill = operations.create_bill(account, method="pix")
        await sandbox.settle()
        operations.pay_bill(account, bill_id=bill.id)
        sandbox.clock.advance(60)
        await sandbox.settle()
        return [body["event"]["data"]["bill"]["status"] for _, body in receiver.received]

    assert await statuses_told() == ["pending", "paid"]
    account.event_faults.freeze_bodies = True
    assert await statuses_told() == ["pending", "pending"]


async def test_a_delayed_event_comes_when_its_time_has_come(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    account.webhooks.append(receiver.url)
    account.event_faults.change({"delay_from": 3600, "delay_to": 7200})

    operations.sale(account)
    await sandbox.settle()
    assert receiver.received == []
    sandbox.clock.advance(7200)
    await sandbox.settle()

    assert len(receiver.received) == 3


async def test_any_event_can_be_sent_about_any_row(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    bill = operations.sale(account)
    account.webhooks.append(receiver.url)

    account.emit("charge_rejected", account.charges.rows[bill.charge_ids[0]])
    account.emit("algo_novo", bill)
    sandbox.vindi.events.post(account, receiver.url, b'{"event":{"type":"bill_paid"}}')
    await sandbox.settle()

    assert sorted(receiver.types) == ["algo_novo", "bill_paid", "charge_rejected"]
