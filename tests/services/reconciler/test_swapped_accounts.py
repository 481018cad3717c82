"""Two tenants have each other's account, or company, for a while: no sale is issued twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.config.secret import Secret
from shared.db.tenants import account_lines_store, connections_store, rules_store, tenants_store
from shared.domain.ids import BillId, TenantId
from shared.domain.rule import Rule
from shared.vindi.budget import BudgetShare
from tests.services.emitter.conftest import PRODUCT_CODE, SEALER, TENANT, Desk
from tests.services.reconciler.conftest import Watch, services_of
from tests.services.reconciler.test_another_account import another, sell_at

OTHER = TenantId("tbbbbbbbbbb")
CONFIRMED = ("vindi_account_elsewhere",)


async def goes_to(desk: Desk, account_of: Desk) -> None:
    """A tenant is connected to an account, its own or the other's."""
    key = Secret.of(account_of.account.keys[0].key)
    client = desk.tools.clients.vindi_account(
        desk.tenant, environment="production", api_key=key, share=BudgetShare.PERSON
    )
    await services_of(desk).set_up.connect_vindi(
        desk.tenant, client, api_key=key, environment="production", by="ana", confirmed=CONFIRMED
    )
    await a_later_second(desk)


async def a_later_second(desk: Desk) -> None:
    """Vindi tells whole seconds: what follows is of one that began after now, and what was, not."""
    connected = await desk.pool.fetchval("SELECT extract(epoch FROM now())::float8")
    while int(desk.sandbox.clock.now()) <= connected:
        await asyncio.sleep(0.05)


async def issues_with(desk: Desk, company_of: Desk) -> None:
    """A tenant is connected to a company, its own or the other's."""
    company, key = company_of.company, Secret.of(company_of.company.key)
    issuer = desk.tools.clients.issuer_company(
        api_key=key,
        company_id=company.id,
        key_word=connections_store.issuer_key_word(SEALER, key),
    )
    await services_of(desk).set_up.connect_issuer(
        desk.tenant,
        issuer,
        api_key=key,
        company_id=company.id,
        environment="Producao",
        by="ana",
        confirmed=("issuer_company_elsewhere",),
    )


async def two(watch: Watch) -> tuple[Desk, Desk]:
    """The tenant of the desk, and another with an account and a company of its own."""
    mine, account = watch.desk, another(watch)
    key = mine.sandbox.enotas.create_key()
    company = mine.sandbox.enotas.create_company(key=key.key)
    async with mine.pool.acquire() as conn, conn.transaction():
        await tenants_store.add(conn, OTHER, name="Outra", plan="pro", timezone="America/Sao_Paulo")
        await connections_store.put_issuer(
            conn,
            SEALER,
            OTHER,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of(key.key),
            company_id=company.id,
            company_name="Outra",
            company_cnpj=None,
        )
        rule = Rule.model_validate({"issue_when": "bill_paid"})
        await rules_store.add(conn, OTHER, rule, by="test")
    product = operations.create_product(account, code=PRODUCT_CODE)
    theirs = replace(
        mine, tenant=OTHER, account=account, company=company, product_id=product.id, marked=[]
    )
    await goes_to(mine, mine)
    await goes_to(theirs, theirs)
    async with mine.pool.acquire() as conn, conn.transaction():
        await tenants_store.activate(conn, OTHER)
        await conn.execute("UPDATE tenants SET active_from = now() - interval '60 days'")
        await conn.execute("UPDATE vindi_connections SET connected_at = now() - interval '1 hour'")
    await watch.scheduler.enrol()
    return mine, theirs


async def settle(watch: Watch) -> None:
    for _ in range(4):
        await watch.pass_once()
        await watch.desk.work()
        await watch.desk.later(timedelta(minutes=10))
        await watch.desk.work()


def notas(bill: Bill, *desks: Desk) -> list[int]:
    return [len(desk.notas_of(bill)) for desk in desks]


async def test_accounts_swapped_with_notas_open_have_one_nota_a_sale(watch: Watch) -> None:
    mine, theirs = await two(watch)
    open_ones = [await mine.sold(), await theirs.sold()]
    await mine.work()  # sent, and not authorised yet
    await a_later_second(mine)

    await goes_to(mine, theirs)
    await goes_to(theirs, mine)
    after = [sell_at(mine.account), sell_at(theirs.account)]
    await settle(watch)

    assert [notas(bill, mine, theirs) for bill in open_ones] == [[1, 0], [0, 1]]
    assert [(await mine.sale(open_ones[0])).status, (await theirs.sale(open_ones[1])).status] == [
        "issued",
        "issued",
    ]
    assert [notas(bill, mine, theirs) for bill in after] == [[0, 1], [1, 0]]


@pytest.mark.parametrize("back", [False, True])
async def test_companies_swapped_with_notas_open_have_one_nota_a_sale(
    watch: Watch, back: bool
) -> None:
    """What was begun at a company ends there, whoever has it now."""
    mine, theirs = await two(watch)
    open_ones = [await mine.sold(), await theirs.sold()]
    await mine.work()

    await issues_with(mine, theirs)
    await issues_with(theirs, mine)
    after = [await mine.sold(), await theirs.sold()]
    await mine.work()
    if back:
        await issues_with(mine, mine)
        await issues_with(theirs, theirs)
    await settle(watch)

    there = replace(mine, company=theirs.company), replace(theirs, company=mine.company)
    assert [notas(open_ones[0], mine, there[0]), notas(open_ones[1], theirs, there[1])] == [
        [1, 0]
    ] * 2
    assert [notas(after[0], mine, there[0]), notas(after[1], theirs, there[1])] == [[0, 1]] * 2
    sales = [await mine.sale(open_ones[0]), await theirs.sale(open_ones[1])]
    sales += [await mine.sale(after[0]), await theirs.sale(after[1])]
    assert {one.status for one in sales} == {"issued"}


@pytest.mark.parametrize("first", ["mine", "theirs"])
async def test_what_was_sold_while_they_were_swapped_is_not_issued_again_once_they_are_back(
    watch: Watch, first: str
) -> None:
    """Vindi's webhooks went on telling the former tenant: its sales waited for their account."""
    mine, theirs = await two(watch)
    await goes_to(mine, theirs)
    await goes_to(theirs, mine)
    meanwhile = [sell_at(mine.account), sell_at(theirs.account)]
    await mine.heard(BillId(meanwhile[0].id))
    await theirs.heard(BillId(meanwhile[1].id))
    await settle(watch)
    assert [notas(bill, mine, theirs) for bill in meanwhile] == [[0, 1], [1, 0]]

    for desk in (mine, theirs) if first == "mine" else (theirs, mine):
        await goes_to(desk, desk)
    later = [sell_at(mine.account), sell_at(theirs.account)]
    await settle(watch)

    assert [notas(bill, mine, theirs) for bill in meanwhile] == [[0, 1], [1, 0]]
    held = [await mine.sale(meanwhile[0]), await theirs.sale(meanwhile[1])]
    assert [(one.status, one.code) for one in held] == [("held", "account_elsewhere")] * 2
    assert [notas(bill, mine, theirs) for bill in later] == [[1, 0], [0, 1]]


async def test_what_an_account_sold_while_a_wrong_one_stood_in_its_place_is_found(
    watch: Watch,
) -> None:
    """Nobody else had it, and no event came: the passes begin where they left off."""
    mine, theirs = await two(watch)
    await mine.pool.execute("DELETE FROM vindi_connections WHERE tenant_id = $1", OTHER)
    await settle(watch)
    await goes_to(mine, theirs)
    bill = mine.sell()
    await settle(watch)
    async with mine.pool.acquire() as conn:  # three days ago, by now
        await conn.execute(
            "UPDATE vindi_connections SET left_at = jsonb_build_object("
            " (SELECT min(key) FROM jsonb_each(left_at) AS e (key, value)),"
            " now() - interval '3 days')"
        )
        await conn.execute("UPDATE reconciler_passes SET bills_mark = now() + interval '1 hour'")

    await goes_to(mine, mine)
    assert (await watch.state()).bills_mark < (await watch.state()).next_pass_at - timedelta(days=2)
    await settle(watch)

    assert notas(bill, mine) == [1]
    assert (await mine.sale(bill)).status == "issued"
    async with mine.pool.acquire() as conn:
        lines = await account_lines_store.load(conn, TENANT)
    assert lines.away is None
