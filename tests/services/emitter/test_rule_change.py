"""What another rule would change, told before it is put in force."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.commands.rule_change import RuleChange, foresee_change
from shared.domain.rule import Rule
from tests.services.emitter.conftest import SEALER, TENANT, Desk
from tests.services.emitter.test_changes import new_rule

LEFT_OUT = "before_activation"
Told = tuple[tuple[str, str | None], tuple[str, str | None], int, int]


async def foreseen(desk: Desk, **rule: Any) -> RuleChange:
    asked = Rule.model_validate({"issue_when": "bill_paid", **rule})
    return await foresee_change(desk.pool, SEALER, TENANT, asked, datetime.now(UTC))


def told(found: RuleChange) -> list[Told]:
    return [
        (
            (count.change.before.status.value, count.change.before.code),
            (count.change.after.status.value, count.change.after.code),
            count.sales,
            count.amount,
        )
        for count in found.changes
    ]


async def test_a_guarantee_that_ends_tells_how_many_notas_it_would_send(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    for _ in range(3):
        await desk.sold()
    await desk.sold(paid=False)
    await desk.work()
    requests = len(desk.account.journal)

    found = await foreseen(desk)

    assert told(found) == [(("in_guarantee", None), ("queued", None), 3, 3 * 17_990)]
    assert (found.looked_at, found.whole) == (4, True)
    assert len(desk.account.journal) == requests
    assert desk.company.notas == {}


async def test_a_longer_guarantee_moves_dates_only(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    await desk.sold()
    await desk.work()

    found = await foreseen(desk, issue_when="guarantee_ended", guarantee_days=30)

    waiting = ("in_guarantee", None)
    assert told(found) == [(waiting, waiting, 1, 17_990)]


async def test_a_milder_policy_frees_what_is_held_for_it(desk: Desk) -> None:
    await desk.sold(customer={"registry_code": None})
    await desk.sold(customer={"address": {}})
    await desk.work()

    found = await foreseen(desk, customer_document_missing="issue_without")

    held = ("held", "customer_document_missing")
    assert told(found) == [(held, ("queued", None), 1, 17_990)]
    assert found.looked_at == 2


async def test_the_rule_in_force_changes_nothing(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    await desk.sold()
    await desk.sold(customer={"registry_code": None}, paid=False)
    await desk.work()

    found = await foreseen(desk, issue_when="guarantee_ended", guarantee_days=7)

    assert told(found) == []


async def test_what_was_sent_is_not_looked_at(desk: Desk) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    await desk.sold(created_at=old.timestamp(), paid_at=old.timestamp())
    await desk.work()

    found = await foreseen(desk, issue_when="never")

    assert (found.looked_at, told(found)) == (0, [])


async def test_what_was_left_out_for_its_creation_is_owed_where_payments_count(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET active_from = now() - interval '5 days'")
    await desk.rule(issue_when="bill_created")
    now = datetime.now(UTC)
    old = (now - timedelta(days=14)).isoformat()
    paid = await desk.sold(created_at=old)
    unpaid = await desk.sold(created_at=old, paid=False)
    before = await desk.sold(created_at=old, paid_at=(now - timedelta(days=10)).isoformat())
    await desk.work()
    assert {(await desk.sale(each)).code for each in (paid, unpaid, before)} == {LEFT_OUT}

    found = await foreseen(desk)
    await new_rule(desk)

    assert told(found) == [
        (("skipped", LEFT_OUT), ("queued", None), 1, 17_990),
        (("skipped", LEFT_OUT), ("waiting_payment", None), 1, 17_990),
    ]
    assert (await desk.sale(paid)).status in {"issuing", "issued"}
    assert (await desk.sale(unpaid)).status == "waiting_payment"
    assert (await desk.sale(before)).code == LEFT_OUT
