"""The third side of a closing: the issuer's own list of the real environment."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.reconciler.issuer_list.read import plan_once, read_once, read_wanted
from services.sandbox.enotas.records import Nota
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.commands.closing import span_of
from shared.commands.statements import Statement, state_nota
from shared.crypto import columns
from shared.db.closing import issuer_list_store, issuer_side_read
from shared.db.closing.closing_read import Span
from shared.db.closing.issuer_side_read import Difference, MonthScope
from shared.db.closing.issuer_sums_read import days_of
from shared.db.tenants import tenants_store
from shared.domain.closing import Closing, Kinds, ListDay, Month
from shared.domain.ids import BillId
from tests.services.emitter.conftest import SEALER, TENANT
from tests.services.emitter.stopping.test_duplicates import A_WAKER, services_of
from tests.services.reconciler.closing.conftest import Books, reasons


async def differences(books: Books) -> list[Difference]:
    async with books.desk.pool.acquire() as conn:
        tenant = await tenants_store.get(conn, books.desk.tenant)
        assert tenant is not None
        span = await span_of(conn, tenant, books.month)
        scope = await issuer_side_read.scope_of(conn, span, books.month)
        return await issuer_side_read.differences(conn, scope, limit=100)


async def an_issued_month(books: Books, sales: int = 2) -> list[Bill]:
    bills = [await books.sold() for _ in range(sales)]
    await books.settle()
    return bills


def nota_of(books: Books, bill: Bill) -> Nota:
    [nota] = books.desk.notas_of(bill)
    return nota


async def night(books: Books) -> None:
    """The nightly pass: every open day is read again, whatever was read before."""
    services = services_of(books.desk)
    await plan_once(services, every=timedelta(0))
    assert await read_once(services) == 1


def side(closing: Closing) -> tuple[int, int, int]:
    return closing.issuer.notas, closing.issuer.amount, closing.issuer.differences


async def test_a_month_balances_when_all_three_sides_agree(books: Books) -> None:
    await an_issued_month(books)

    closing = await books.close()

    assert side(closing) == (2, 2 * 17_990, 0)
    assert closing.issuer.environment == "Producao"
    assert closing.issuer.read_at is not None
    assert closing.balanced


async def test_an_empty_month_before_activation_asks_the_issuer_nothing(books: Books) -> None:
    before = len(books.desk.sandbox.enotas.journal)
    async with books.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET active_from = now()")

    february = datetime(2020, 2, 3, tzinfo=UTC)
    closing = await books.close(Month.of(february, ZoneInfo(books.zone)))

    assert side(closing) == (0, 0, 0)
    assert closing.issuer.read_at is None
    assert closing.issuer.agrees
    assert len(books.desk.sandbox.enotas.journal) == before


async def test_a_list_older_than_the_last_change_proves_nothing(books: Books) -> None:
    await an_issued_month(books, 1)
    assert (await books.close()).balanced
    await books.sold()
    await books.settle()
    books.desk.company.weather.add(status=503, method="GET", path_has="/nfes")

    closing = await books.close()

    assert closing.issuer.stale
    assert not closing.balanced


async def test_a_nota_cancelled_at_the_issuer_is_found_by_night(books: Books) -> None:
    """Nobody told us: the list does, and the sale follows."""
    kept, cancelled = await an_issued_month(books)
    assert (await books.close()).balanced
    books.desk.sandbox.enotas.machine.force(
        books.desk.company, nota_of(books, cancelled), "Cancelada"
    )

    await night(books)
    closing = await books.close()
    assert closing.issuer.differences == 1
    assert not closing.balanced
    [found] = await differences(books)
    assert (found.kind, found.bill_id, found.our_amount) == ("only_here", cancelled.id, 17_990)

    await books.settle()
    closing = await books.close()
    assert (await books.desk.sale(cancelled)).status == "cancelled"
    assert (await books.desk.sale(kept)).status == "issued"
    assert side(closing) == (1, 17_990, 0)
    assert closing.balanced


async def test_a_denied_nota_authorised_at_the_issuer_is_found_by_night(books: Books) -> None:
    books.desk.company.faults.certificate_expired = True
    bill = await books.sold()
    await books.settle()
    assert (await books.desk.sale(bill)).status == "denied"
    assert (await books.close()).balanced
    books.desk.company.faults.certificate_expired = False
    books.desk.sandbox.enotas.resend_in_panel(books.desk.company, nota_of(books, bill))
    books.desk.sandbox.clock.advance(600)

    await night(books)
    assert [one.kind for one in await differences(books)] == ["only_there"]
    await books.settle()

    assert (await books.desk.sale(bill)).status == "issued"
    assert (await books.close()).balanced


async def test_a_nota_the_issuer_lost_is_named_on_its_sale(books: Books) -> None:
    bill, _ = await an_issued_month(books)
    nota = nota_of(books, bill)
    del books.desk.company.notas[nota.id]
    del books.desk.company.by_external_id[nota.external_id]

    await night(books)
    await books.settle()

    sale = await books.desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", "nota_missing_at_issuer")
    assert [one.kind for one in await differences(books)] == ["only_here"]
    assert not (await books.close()).balanced


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"valorTotal": 1.5}, "amount"),
        ({"cliente": {"nome": "Outro", "cpfCnpj": "52998224725"}}, "customer"),
        ({"dataCompetencia": "2020-01-10T15:00:00Z"}, "competencia"),
    ],
    ids=["amount", "customer", "competencia"],
)
async def test_a_nota_that_says_something_else_is_a_difference(
    books: Books, change: dict[str, Any], field: str
) -> None:
    bill, _ = await an_issued_month(books)
    nota = nota_of(books, bill)
    nota.body = nota.body | change

    await night(books)
    await night(books)

    [found] = await differences(books)
    assert (found.kind, found.bill_id, found.differs) == ("differs", bill.id, field)
    assert not (await books.close()).balanced
    async with books.desk.pool.acquire() as conn:
        lines = await conn.fetch("SELECT why FROM timeline WHERE what = 'issuer_differs'")
    assert [line["why"] for line in lines] == [field]


async def test_a_second_nota_under_one_id_is_seen(books: Books) -> None:
    """An issuer that makes a second nota of a repeated POST."""
    bill, _ = await an_issued_month(books)
    nota = nota_of(books, bill)
    books.desk.sandbox.enotas.issue(books.desk.company, nota.external_id, nota.body)
    books.desk.sandbox.clock.advance(600)

    await night(books)

    [found] = await differences(books)
    assert (found.kind, found.bill_id) == ("second_nota", bill.id)
    assert (await books.desk.sale(bill)).attention == "second_nota_valid"
    assert not (await books.close()).balanced


async def test_a_first_nota_that_comes_late_beside_its_second_is_named(books: Books) -> None:
    """A row of before: what never arrived was asked for anew under a later revision."""
    bill, _ = await an_issued_month(books)
    second = nota_of(books, bill)
    async with books.desk.pool.acquire() as conn:
        sealed = await conn.fetchval("SELECT request FROM notas WHERE bill_id = $1", bill.id)
        asked = columns.REQUEST.open(SEALER, TENANT, sealed, bill.id, 0, 1)
        await conn.execute(
            "UPDATE notas SET revision = 2, external_id = $2, request = $3 WHERE bill_id = $1",
            bill.id,
            second.external_id[:-1] + "2",
            columns.REQUEST.seal(SEALER, TENANT, asked, bill.id, 0, 2),
        )
        await conn.execute(
            "INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, raw_status,"
            " environment, amount, competencia, request)"
            " SELECT tenant_id, bill_id, 1, $2, 'cancelled', 'never_arrived', environment, amount,"
            " competencia, $3 FROM notas WHERE bill_id = $1",
            bill.id,
            second.external_id,
            sealed,
        )
    company = books.desk.company
    first = second.external_id
    second.external_id = first[:-1] + "2"
    company.by_external_id = {nota.external_id: nota for nota in company.notas.values()}
    books.desk.sandbox.enotas.issue(company, first, second.body)
    books.desk.sandbox.clock.advance(600)

    await night(books)

    [found] = await differences(books)
    assert (found.kind, found.external_id) == ("second_nota", first)
    assert (await books.desk.sale(bill)).attention == "second_nota_valid"


def a_foreign_body(environment: str = "Producao") -> dict[str, Any]:
    return {
        "servico": {"descricao": "Nota de outro sistema"},
        "valorTotal": 33.0,
        "ambienteEmissao": environment,
        "cliente": {"nome": "Cliente", "cpfCnpj": "52998224725"},
        "dataCompetencia": datetime.now(UTC).isoformat(),
    }


async def test_a_nota_of_somebody_else_is_a_difference(books: Books) -> None:
    await an_issued_month(books, 1)
    books.desk.sandbox.enotas.issue(books.desk.company, "outro-7", a_foreign_body())
    books.desk.sandbox.clock.advance(600)

    await night(books)

    [found] = await differences(books)
    assert (found.kind, found.bill_id, found.issuer_amount) == ("foreign", None, 3_300)
    assert side(await books.close()) == (2, 17_990 + 3_300, 1)


async def test_what_others_issued_before_activation_or_as_a_test_is_none(books: Books) -> None:
    books.desk.sandbox.enotas.issue(books.desk.company, "teste", a_foreign_body("Homologacao"))
    earlier = books.desk.sandbox.enotas.issue(books.desk.company, "antes", a_foreign_body())
    earlier.created -= 90 * 86_400
    await an_issued_month(books, 1)

    await night(books)

    assert side(await books.close()) == (1, 17_990, 0)


async def test_test_notas_count_in_no_closing(books: Books) -> None:
    async with books.desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET environment = 'Homologacao'")
    await an_issued_month(books)

    closing = await books.close()

    assert closing.issuer.environment == "Homologacao"
    assert closing.figures.notas.bills == 0
    assert side(closing) == (0, 0, 0)
    assert reasons(closing) == {("issued_as_test", "issued"): (2, 2 * 17_990)}
    assert closing.figures.difference == 0


async def test_what_a_person_stated_is_no_difference(books: Books) -> None:
    bill, _ = await an_issued_month(books)
    statement = Statement(exists=False, number=None, reason="visto no portal", by="ana")
    assert (
        await state_nota(books.desk.pool, A_WAKER, books.desk.tenant, BillId(bill.id), statement)
        is None
    )

    await night(books)

    assert await differences(books) == []


async def test_a_list_that_caps_its_pages_is_read_whole(books: Books) -> None:
    books.desk.company.faults.list_cap = 3
    books.desk.company.faults.list_pages_by = "asked"
    await an_issued_month(books, 8)

    closing = await books.close()

    assert side(closing) == (8, 8 * 17_990, 0)
    assert closing.balanced


async def test_a_reading_that_was_cut_off_goes_on_where_it_stopped(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days that were passed are done; the rest stays wanted, and another reader takes it up."""
    monkeypatch.setattr("shared.issuer.enotas.lists.PAGE_WAITS", (0.0,))
    await an_issued_month(books, 1)
    services = services_of(books.desk)
    await plan_once(services, every=timedelta(0))
    books.desk.company.weather.add(status=503, method="GET", path_has="/nfes", count=2)

    assert not await read_wanted(services, books.desk.tenant)
    async with books.desk.pool.acquire() as conn:
        left = await issuer_list_store.wanted(conn, books.desk.tenant, books.desk.company.id)
        await conn.execute("UPDATE issuer_lists SET not_before = NULL")
    assert left

    assert await read_wanted(services, books.desk.tenant)
    async with books.desk.pool.acquire() as conn:
        assert not await issuer_list_store.wanted(conn, books.desk.tenant, books.desk.company.id)


async def test_two_readers_do_not_read_the_same_list(books: Books) -> None:
    services = services_of(books.desk)
    await plan_once(services, every=timedelta(0))
    async with books.desk.pool.acquire() as conn:
        now = await conn.fetchval("SELECT now()")
        await issuer_list_store.claim(conn, books.desk.tenant, now, lease=timedelta(minutes=1))

    assert not await read_wanted(services, books.desk.tenant)


async def test_the_night_reads_no_month_that_was_handed_in(books: Books) -> None:
    await an_issued_month(books, 1)
    async with books.desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET created_at = created_at - interval '100 days'")
        await conn.execute("UPDATE tenants SET active_from = now() - interval '3 days'")
        await conn.execute(
            "INSERT INTO closing_locks (tenant_id, month, locked_by, reason, forced, figures)"
            " SELECT tenant_id, date_trunc('month', competencia)::date, 'x', 'x', false, '{}'"
            " FROM notas"
        )
        await issuer_list_store.plan(
            conn, books.desk.tenant, books.desk.company.id, datetime.now(UTC)
        )
        days = await issuer_list_store.wanted(conn, books.desk.tenant, books.desk.company.id)

    assert len(days) == 4


async def test_vindis_side_is_known_as_of_the_last_complete_pass(books: Books) -> None:
    await an_issued_month(books, 1)
    read = (await books.close()).figures.read_at
    assert read is not None
    began = read + timedelta(minutes=5)
    async with books.desk.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark,"
            " refunds_mark, complete_from) VALUES ($1, now(), now(), now(), now(), $2)",
            books.desk.tenant,
            began,
        )

    assert (await books.close()).figures.read_at == began


async def test_a_person_who_issues_anew_after_a_cancelling_elsewhere_balances(
    books: Books,
) -> None:
    [bill] = await an_issued_month(books, 1)
    books.desk.sandbox.enotas.machine.force(books.desk.company, nota_of(books, bill), "Cancelada")
    await night(books)
    await books.settle()
    asked = Asked(action="issue", reason="vale", by="ana")
    await act(books.desk.pool, A_WAKER, books.desk.tenant, [BillId(bill.id)], asked)
    await books.settle()

    closing = await books.close()

    assert (await books.desk.sale(bill)).status == "issued"
    assert side(closing) == (1, 17_990, 0)
    assert closing.balanced


async def test_what_the_issuers_clock_dates_tomorrow_is_on_todays_list(books: Books) -> None:
    bill = await books.sold()
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    books.desk.sandbox.clock.advance(int((midnight - now).total_seconds()) + 60)
    await books.settle()

    await night(books)

    listed = "SELECT bill_id FROM issuer_notas WHERE valid"
    assert [row["bill_id"] for row in await books.desk.pool.fetch(listed)] == [bill.id]


@pytest.mark.parametrize(
    ("today", "asked_for"),
    [
        (date(2026, 11, 30), None),  # nothing of the day after can be there yet
        (date(2026, 12, 1), "once"),  # 30 November in Brazil until three in the morning
        (date(2026, 12, 2), "after the month"),
    ],
)
def test_the_last_hours_of_a_month_lie_on_the_issuers_next_day(
    today: date, asked_for: str | None
) -> None:
    zone, month = ZoneInfo("America/Sao_Paulo"), Month(year=2026, month=11)
    span = Span(
        tenant=TENANT,
        first=datetime(2026, 11, 1, tzinfo=zone),
        end=datetime(2026, 12, 1, tzinfo=zone),
        kinds=Kinds(paid=True, created=False),
    )
    scope = MonthScope(
        span=span,
        month=month,
        company="c",
        environment="Producao",
        since=date(2026, 11, 29),
        today=today,
    )

    days = days_of(scope, {})

    next_day = ListDay(company="c", day=date(2026, 12, 1))
    assert {one.day.day for one in days if one.day.month == 11} == {29, 30}
    assert (next_day in days) == (asked_for is not None)
    assert days.get(next_day) == (span.end if asked_for == "after the month" else None)


async def test_a_discount_shown_on_a_nota_is_no_difference(books: Books) -> None:
    desk = books.desk
    await desk.rule(service={"lc116": "1.07", "show_discounts": True})
    lines = [{"product_id": desk.product_id, "amount": one} for one in ("179.90", "-30.00")]
    bill = await books.sold(lines=lines)
    await books.settle()
    assert nota_of(books, bill).body["valorTotal"] == 179.9

    await night(books)
    closing = await books.close()

    assert await differences(books) == []
    assert side(closing) == (1, 14_990, 0)
    assert closing.figures.notas.amount == 14_990
    assert closing.balanced


async def test_another_total_than_the_one_shown_is_a_difference_still(books: Books) -> None:
    desk = books.desk
    await desk.rule(service={"lc116": "1.07", "show_discounts": True})
    lines = [{"product_id": desk.product_id, "amount": one} for one in ("179.90", "-30.00")]
    bill = await books.sold(lines=lines)
    await books.settle()
    nota = nota_of(books, bill)
    nota.body = nota.body | {"valorTotal": 149.9}

    await night(books)

    [found] = await differences(books)
    assert (found.differs, found.our_amount, found.issuer_amount) == ("amount", 17_990, 14_990)
