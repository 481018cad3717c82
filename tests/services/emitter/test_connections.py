"""A nota belongs to the company and the environment it was born under (design D18)."""

from datetime import date

from services.emitter.acting.write import write_plans
from services.emitter.leases import LEASE
from services.emitter.places import ASK_LEFT_AGAIN
from services.emitter.stopping.locks import Standing
from services.emitter.work import Act, Rest, Send
from services.sandbox.enotas.records import Company
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.privacy.depart import UNDER_WAY, ask_departure
from shared.commands.statements import Statement, state_nota
from shared.config.secret import Secret
from shared.db.outbox import claims_store, outbox_store
from shared.db.sales import issued_tests_store, timeline_store
from shared.db.sales.intents_store import Intent
from shared.db.sales.sale_notas import NONE
from shared.db.tenants import (
    connections_store,
    issuers_store,
    nota_connections_store,
    standing_read,
)
from shared.domain.ids import BillId, ExternalId
from shared.domain.money import Cents
from shared.domain.nota import IssuerEnvironment, NotaDraft, Service, Tomador
from shared.run.waker import Waker
from tests.services.emitter.conftest import SEALER, TENANT, Desk
from tests.services.emitter.parts_undone import one_pass
from tests.services.emitter.stopping.test_duplicates import Other, issued_elsewhere
from tests.services.emitter.test_issuers_word import told as nota_told
from tests.services.emitter.test_parts import SERVICES, ask, settle, sold_mixed

DRAFT = NotaDraft(
    amount=Cents(17_990),
    competencia=date(2026, 11, 10),
    description="Plano",
    tomador=Tomador(name="Cliente", email=None, document=None, phone=None, address=None),
    service=Service(),
    send_email=False,
)


def an_intent(bill: Bill, connection: int | None) -> Intent:
    return Intent(
        bill_id=BillId(bill.id),
        revision=1,
        external_id=ExternalId(f"p-{TENANT}-{bill.id}-1"),
        environment="Producao",
        amount=DRAFT.amount,
        competencia=DRAFT.competencia,
        request=b"",
        connection_id=connection,
    )


def another_company(desk: Desk) -> Company:
    key = desk.sandbox.enotas.create_key()
    return desk.sandbox.enotas.create_company(key=key.key, name="Empresa Nova Ltda")


async def move(desk: Desk, company: Company, environment: IssuerEnvironment = "Producao") -> None:
    """The tenant's notas are issued with that company from now on."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await connections_store.put_issuer(
            conn,
            SEALER,
            desk.tenant,
            kind="enotas",
            environment=environment,
            api_key=Secret.of(company.key),
            company_id=company.id,
            company_name=company.name,
            company_cnpj=None,
        )


async def go_live(desk: Desk, *, issue: bool) -> None:
    await move(desk, desk.company)
    async with desk.pool.acquire() as conn, conn.transaction():
        now = await conn.fetchval("SELECT now()")
        await issued_tests_store.go_live(
            conn, desk.tenant, issue=issue, since=None, now=now, by="ana"
        )


async def told(desk: Desk, bill: Bill) -> list[str]:
    async with desk.pool.acquire() as conn:
        found = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))
    return [entry.what for entry in found]


async def until_rest(desk: Desk) -> None:
    for _ in range(6):
        await desk.later()
        await desk.work()


async def denied(desk: Desk) -> Bill:
    """A sale whose nota the city has denied where notas are born now."""
    desk.company.faults.default_outcome = "deny"
    bill = await desk.sold()
    await desk.work()
    await until_rest(desk)
    desk.company.faults.default_outcome = "authorise"
    assert (await desk.sale(bill)).status == "denied"
    return bill


async def send_again(desk: Desk, bill: Bill) -> None:
    await ask(desk, bill, "retry")
    await desk.work()
    await until_rest(desk)


def valid(*companies: Company) -> list[str]:
    """The notas with fiscal value at these companies, each by its id."""
    return sorted(
        nota.external_id
        for company in companies
        for nota in company.notas.values()
        if nota.status == "Autorizada" and nota.body["ambienteEmissao"] == "Producao"
    )


async def test_a_lost_answer_is_looked_up_where_it_was_asked_though_the_company_changed(
    desk: Desk,
) -> None:
    desk.company.weather.add(kind="hang_up", when="after", method="POST", count=1)
    bill = await desk.sold()
    await one_pass(desk)
    assert (await desk.sale(bill)).status == "uncertain"

    new = another_company(desk)
    await move(desk, new)
    await desk.work()
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company, new) == [f"p-{desk.tenant}-{bill.id}-1"]
    assert new.notas == {}


async def test_what_never_arrived_at_the_company_left_is_asked_anew_under_another_revision(
    desk: Desk,
) -> None:
    desk.company.weather.add(kind="hang_up", when="before", method="POST", count=1)
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).status == "uncertain"

    new = another_company(desk)
    await move(desk, new)
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert desk.company.notas == {}
    assert valid(new) == [f"p-{desk.tenant}-{bill.id}-2"]
    assert "nota_replaced" in await told(desk, bill)


async def test_a_nota_under_way_is_followed_at_the_company_left(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    new = another_company(desk)
    await move(desk, new)

    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company, new) == [f"p-{desk.tenant}-{bill.id}-1"]


async def test_a_refund_cancels_the_nota_where_it_was_issued(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    await until_rest(desk)
    new = another_company(desk)
    await move(desk, new)

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert [nota.status for nota in desk.company.notas.values()] == ["Cancelada"]
    assert new.notas == {}


async def test_a_denied_nota_sent_again_after_the_company_changed_is_a_new_one_there(
    desk: Desk,
) -> None:
    bill = await denied(desk)
    new = another_company(desk)
    await move(desk, new)

    await send_again(desk, bill)

    assert (await desk.sale(bill)).status == "issued"
    assert [nota.status for nota in desk.company.notas.values()] == ["Negada"]
    assert valid(desk.company, new) == [f"p-{desk.tenant}-{bill.id}-2"]


async def test_a_denied_nota_that_the_issuers_panel_sent_again_is_found_before_another_is_asked(
    desk: Desk,
) -> None:
    bill = await denied(desk)
    new = another_company(desk)
    await move(desk, new)
    (nota,) = desk.company.notas.values()
    desk.sandbox.enotas.resend(desk.company, nota, nota.body)
    desk.sandbox.clock.advance(600)

    await send_again(desk, bill)

    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company, new) == [f"p-{desk.tenant}-{bill.id}-1"]
    assert new.notas == {}


async def test_a_part_lost_at_the_company_left_is_asked_anew_and_the_other_part_is_not(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "10.00", "20.00")
    desk.company.weather.add(kind="hang_up", when="before", method="POST", every=2, count=1)
    await settle(desk)
    new = another_company(desk)
    await move(desk, new)

    await until_rest(desk)

    name = f"p-{desk.tenant}-{bill.id}"
    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company) == [f"{name}x1-1"]
    assert valid(new) == [f"{name}x2-2"]


async def test_an_intent_for_the_company_left_is_not_written_once_it_was_left(desk: Desk) -> None:
    bill = await desk.sold()
    async with desk.pool.acquire() as conn:
        (entry,) = await claims_store.claim_due(
            conn, desk.tenant, lane=outbox_store.LIVE, limit=1, lease=LEASE, worker="test"
        )
        planned_under = await nota_connections_store.current_id(conn, desk.tenant)
        now_is = await standing_read.agreed(conn, SEALER, desk.tenant)
        basis = Standing(
            terms=now_is.terms, rule_version=now_is.rule_version, connection_id=planned_under
        )
    send = Send(intent=an_intent(bill, planned_under), draft=DRAFT, first=True)
    plan = Act(entry=entry, action=send, notas=NONE)
    await move(desk, another_company(desk))

    (written,) = await write_plans(desk.pool, desk.tenant, basis, [plan])

    assert isinstance(written, Rest)
    async with desk.pool.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM notas") == 0


async def test_going_live_holds_what_was_issued_as_a_test_until_a_person_says(desk: Desk) -> None:
    await move(desk, desk.company, "Homologacao")
    bill = await desk.sold()
    await desk.work()
    await until_rest(desk)
    assert (await desk.sale(bill)).status == "issued"

    await go_live(desk, issue=False)
    await desk.heard(BillId(bill.id))
    await desk.work()
    held = await desk.sale(bill)
    await ask(desk, bill, "issue")
    await desk.work()
    await until_rest(desk)

    assert (held.status, held.code) == ("held", "issued_as_test")
    assert "held" in await told(desk, bill)
    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company) == [f"p-{desk.tenant}-{bill.id}-2"]
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_going_live_with_issue_sends_the_tests_as_real_ones_at_once(desk: Desk) -> None:
    await move(desk, desk.company, "Homologacao")
    done = await desk.sold()
    await desk.work()
    await until_rest(desk)
    under_way = await desk.sold()
    await desk.work()

    await go_live(desk, issue=True)
    await desk.work()
    await until_rest(desk)

    for bill in (done, under_way):
        assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company) == sorted(
        f"p-{desk.tenant}-{bill.id}-2" for bill in (done, under_way)
    )


async def test_a_test_that_was_refunded_is_owed_nothing_after_going_live(desk: Desk) -> None:
    await move(desk, desk.company, "Homologacao")
    bill = await desk.sold()
    await desk.work()
    await until_rest(desk)
    await go_live(desk, issue=True)

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("skipped", "refunded")
    assert valid(desk.company) == []


async def test_a_denied_test_sent_again_after_going_live_goes_out_as_a_real_one(desk: Desk) -> None:
    await move(desk, desk.company, "Homologacao")
    bill = await denied(desk)
    await go_live(desk, issue=False)
    assert (await desk.sale(bill)).status == "denied"

    await send_again(desk, bill)

    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk.company) == [f"p-{desk.tenant}-{bill.id}-2"]


async def test_a_denied_test_is_not_sent_again_by_itself_as_a_real_one(desk: Desk) -> None:
    await move(desk, desk.company, "Homologacao")
    bill = await denied(desk)
    await go_live(desk, issue=False)

    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET resend_at = now()")
    await desk.heard(BillId(bill.id), about_bill=False)
    await desk.work()
    await until_rest(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "issued_as_test")
    assert valid(desk.company) == []


async def test_a_denied_test_that_is_authorised_after_going_live_issues_no_sale(
    desk: Desk,
) -> None:
    """Its issuer's panel sent it again, or shows only now that it took it."""
    await move(desk, desk.company, "Homologacao")
    bill = await denied(desk)
    await go_live(desk, issue=False)
    (nota,) = desk.notas_of(bill)
    desk.sandbox.enotas.resend(desk.company, nota, nota.body)
    desk.sandbox.clock.advance(600)

    await nota_told(desk, bill)
    await desk.work()
    await until_rest(desk)

    sale = await desk.sale(bill)
    assert nota.status == "Autorizada"
    assert (sale.status, sale.code) == ("held", "issued_as_test")
    assert valid(desk.company) == []


async def test_tests_are_no_part_of_the_days_a_brake_looks_at(desk: Desk) -> None:
    await move(desk, desk.company, "Homologacao")
    await desk.sold()
    await desk.work()
    async with desk.pool.acquire() as conn:
        assert await conn.fetchval("SELECT coalesce(sum(notas), 0) FROM nota_days") == 0

    await go_live(desk, issue=True)
    await desk.work()

    async with desk.pool.acquire() as conn:
        assert await conn.fetchval("SELECT coalesce(sum(notas), 0) FROM nota_days") == 1


async def test_a_refused_key_of_the_company_left_stops_nothing_at_the_new_one(desk: Desk) -> None:
    old = await desk.sold()
    await desk.work()
    new = another_company(desk)
    await move(desk, new)
    desk.sandbox.enotas.keys[desk.company.key].revoked = True

    await until_rest(desk)
    bill = await desk.sold()
    await desk.work()
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert (await desk.sale(old)).status == "issuing"
    async with desk.pool.acquire() as conn:
        states = await conn.fetch("SELECT state FROM nota_connections ORDER BY connection_id")
    assert [row["state"] for row in states] == ["issuer_key_refused", "ok"]


async def test_a_refused_key_of_the_company_left_is_tried_again_by_itself(desk: Desk) -> None:
    """Nobody enters the key of a connection that was left: what it refused may pass."""
    old = await desk.sold()
    await desk.work()
    await move(desk, another_company(desk))
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await until_rest(desk)
    desk.sandbox.enotas.keys[desk.company.key].revoked = False

    await until_rest(desk)
    at_once = (await desk.sale(old)).status
    await desk.pool.execute(
        "UPDATE nota_connections SET state_since = state_since - $1::interval", 2 * ASK_LEFT_AGAIN
    )
    await until_rest(desk)

    assert at_once == "issuing"
    assert (await desk.sale(old)).status == "issued"


async def test_nobody_is_asked_under_a_key_that_was_forgotten_since_the_tenant_leaves(
    desk: Desk,
) -> None:
    bill = await desk.sold()
    await desk.work()
    async with desk.pool.acquire() as conn, conn.transaction():
        await ask_departure(
            conn,
            SEALER,
            desk.tenant,
            name="Empresa",
            reason="contrato encerrado",
            days=30,
            by="ana",
            confirmed=(UNDER_WAY,),
        )
    await desk.pool.execute(
        "UPDATE nota_connections SET state_since = state_since - $1::interval", 2 * ASK_LEFT_AGAIN
    )
    refused_since = await desk.pool.fetchval("SELECT state_since FROM nota_connections")

    await until_rest(desk)

    async with desk.pool.acquire() as conn:
        assert (await issuers_store.load(conn, SEALER, desk.tenant)).left == []
    since = await desk.pool.fetchval("SELECT state_since FROM nota_connections")
    assert since == refused_since  # no refusal has come since: nothing was asked
    assert (await desk.sale(bill)).status == "issuing"


async def test_a_persons_word_ends_a_doubt_where_the_company_left_refuses_us(desk: Desk) -> None:
    desk.company.weather.add(kind="hang_up", when="before", method="POST", count=1)
    bill = await desk.sold()
    await one_pass(desk)
    new = another_company(desk)
    await move(desk, new)
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await until_rest(desk)
    assert (await desk.sale(bill)).status == "uncertain"

    said = Statement(exists=False, number=None, reason="não há", by="ana")
    waker = Waker("redis://nobody.invalid")
    assert await state_nota(desk.pool, waker, desk.tenant, BillId(bill.id), said) is None
    await desk.work()
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert valid(new) == [f"p-{desk.tenant}-{bill.id}-2"]


async def test_a_denied_nota_is_not_replaced_unproved_unless_a_person_wants_it_issued(
    desk: Desk,
) -> None:
    bill = await denied(desk)
    new = another_company(desk)
    await move(desk, new)
    desk.sandbox.enotas.keys[desk.company.key].revoked = True

    await send_again(desk, bill)
    held = await desk.sale(bill)
    await ask(desk, bill, "issue")
    await desk.work()
    await until_rest(desk)

    assert (held.status, held.code) == ("held", "issuer_left_unreachable")
    assert (await desk.sale(bill)).status == "issued"
    assert valid(new) == [f"p-{desk.tenant}-{bill.id}-2"]


async def test_a_copy_that_another_system_issued_is_found_although_a_test_went_before(
    desk: Desk,
) -> None:
    await move(desk, desk.company, "Homologacao")
    bill = await desk.sold()
    await desk.work()
    await until_rest(desk)
    await issued_elsewhere(desk, Other())

    await go_live(desk, issue=True)
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "possible_duplicate")
    assert valid(desk.company) == ["outro-sistema-7"]
