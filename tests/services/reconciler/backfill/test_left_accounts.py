"""A backfill's tenant goes on to another account of Vindi while it runs."""

import pytest

from services.reconciler.backfill.run import RunLost
from services.sandbox.vindi.account import Account
from shared.config.secret import Secret
from shared.domain.ids import BillId
from shared.domain.messages import message_of_import
from shared.vindi.budget import BudgetShare
from tests.services.emitter.conftest import TENANT
from tests.services.reconciler.backfill.conftest import Office

JUNE = ("2026-06-01", "2026-06-30")
A_DAY = "2026-06-10T12:00:00-03:00"


async def connect(office: Office, account: Account) -> None:
    key = Secret.of(account.keys[0].key)
    client = office.desk.tools.clients.vindi_account(
        TENANT, environment="production", api_key=key, share=BudgetShare.PERSON
    )
    set_up = office.services.set_up
    await set_up.connect_vindi(TENANT, client, api_key=key, environment="production", by="ana")


def another(office: Office) -> Account:
    account = office.desk.sandbox.vindi.create_account()
    account.rate.limit = None
    return account


async def test_a_backfill_does_not_go_on_in_another_account(office: Office) -> None:
    """Its place in one list says nothing of the other, and it would end as complete."""
    await connect(office, office.desk.account)
    bills = [office.desk.sell(created_at=A_DAY, paid_at=A_DAY, known_at=A_DAY) for _ in range(60)]
    backfill = await office.ask(*JUNE, dry_run=False)
    run = await office.leased(backfill)
    assert await run.step()
    await connect(office, another(office))

    await office.pool.execute("UPDATE backfills SET lease_until = NULL")
    await office.run()

    ended = await office.get(backfill)
    assert (ended.status, ended.error) == ("failed", "vindi_account_changed")
    assert await office.taken() <= {BillId(bill.id) for bill in bills}
    assert message_of_import("vindi_account_changed", is_open=False).who_acts == "tenant"


async def test_a_step_under_way_writes_nothing_of_the_account_that_was_left(
    office: Office,
) -> None:
    await connect(office, office.desk.account)
    for _ in range(3):
        office.desk.sell(created_at=A_DAY, paid_at=A_DAY, known_at=A_DAY)
    backfill = await office.ask(*JUNE, dry_run=False)
    run = await office.leased(backfill)
    await connect(office, another(office))

    await office.pool.execute("UPDATE backfills SET lease_until = now() + interval '1 hour'")
    with pytest.raises(RunLost):
        await run.step()

    assert await office.taken() == set()
    assert (await office.get(backfill)).status == "running"


async def test_a_new_key_of_the_same_account_changes_nothing(office: Office) -> None:
    await connect(office, office.desk.account)
    for _ in range(3):
        office.desk.sell(created_at=A_DAY, paid_at=A_DAY, known_at=A_DAY)
    backfill = await office.ask(*JUNE, dry_run=False)
    run = await office.leased(backfill)
    assert await run.step()
    await connect(office, office.desk.account)

    await office.pool.execute("UPDATE backfills SET lease_until = NULL")
    await office.run()

    ended = await office.get(backfill)
    assert (ended.status, ended.error) == ("completed", None)
    assert len(await office.taken()) == 3
