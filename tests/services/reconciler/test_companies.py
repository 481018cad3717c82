"""What changes in a company's registration at its issuer is learnt within a day, by itself."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.reconciler import companies
from services.reconciler.companies import Companies
from services.sandbox.vindi.records import Bill
from shared.db.tenants import connections_store, rules_store, tenants_store
from shared.db.tenants.company_facts_store import CompanyAsRead
from shared.domain.company_facts import CompanyFacts
from shared.domain.ids import TenantId
from shared.domain.rule import Rule
from tests.services.emitter.conftest import SEALER, TENANT, Desk
from tests.services.reconciler.conftest import Watch, services_of

OTHER = TenantId("taaaaaaaaaa")  # before ours
ELSEWHERE: dict[str, Any] = {
    "registry_code": "11444777000161",
    "address": {
        "street": "Rua das Amostras",
        "number": "100",
        "zipcode": "13010000",
        "neighborhood": "Centro",
        "city": "Campinas",
        "state": "SP",
        "country": "BR",
    },
}
WITHHELD = {
    "issue_when": "bill_paid",
    "service": {"lc116": "17.01", "iss_rate": "5.00", "iss_withheld": True},
}


async def connection(desk: Desk) -> asyncpg.Record:
    async with desk.pool.acquire() as conn:
        row = await conn.fetchrow("SELECT * FROM issuer_connections WHERE tenant_id = $1", TENANT)
    assert row is not None
    return row


async def a_day_later(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE issuer_connections SET checked_at = checked_at - $1::interval",
            timedelta(hours=25),
        )


async def connect_other(desk: Desk, company_id: str) -> None:
    """Another tenant at the same issuer, whose turn is before ours."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.add(
            conn, OTHER, name="Outra", plan="basic", timezone="America/Sao_Paulo"
        )
        mine = (await connections_store.get(conn, SEALER, TENANT)).issuer
        assert mine is not None
        await connections_store.put_issuer(
            conn,
            SEALER,
            OTHER,
            kind="enotas",
            environment="Producao",
            api_key=mine.api_key,
            company_id=company_id or mine.company_id,
            company_name="Outra",
            company_cnpj=None,
        )


async def withholding(desk: Desk) -> Bill:
    """A sale whose buyer, of another city than the company, is to keep ISS back."""
    async with desk.pool.acquire() as conn:
        await rules_store.add(conn, TENANT, Rule.model_validate(WITHHELD), by="test")
    return await desk.sold(customer=ELSEWHERE)


async def test_who_connected_before_a_city_was_read_gets_it_and_is_looked_at_daily(
    watch: Watch,
) -> None:
    desk = watch.desk
    looks = Companies(services=services_of(desk))
    assert (await connection(desk))["company_city"] is None

    assert await looks.look_once() == 1

    kept = await connection(desk)
    assert (kept["company_city"], kept["company_regime"]) == ("3550308", "simples")
    assert kept["company_facts"]["city"] == "3550308"
    assert await looks.look_once() == 0
    await a_day_later(desk)
    assert await looks.look_once() == 1


async def test_a_nota_that_would_be_refused_is_held_once_the_city_is_known(watch: Watch) -> None:
    desk = watch.desk
    await Companies(services=services_of(desk)).look_once()
    bill = await withholding(desk)

    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "denied_service")
    assert not desk.notas_of(bill)


async def test_a_company_that_moved_has_what_it_held_decided_again(watch: Watch) -> None:
    desk = watch.desk
    looks = Companies(services=services_of(desk))
    await looks.look_once()
    bill = await withholding(desk)
    await desk.work()
    desk.company.city = "3509502"  # to Campinas
    desk.company.details["optanteSimplesNacional"] = False
    await a_day_later(desk)

    await looks.look_once()
    await desk.work()

    assert len(desk.notas_of(bill)) == 1
    async with desk.pool.acquire() as conn:
        told = await conn.fetchrow("SELECT * FROM audit WHERE action = 'company_changed'"
                                   " ORDER BY at DESC LIMIT 1")  # fmt: skip
    assert told is not None
    assert told["detail"]["city"] == "3509502"
    assert told["detail"]["regime"] == "normal"


async def test_a_company_that_has_another_cnpj_under_the_same_id_is_told_and_believed(
    watch: Watch,
) -> None:
    desk = watch.desk
    looks = Companies(services=services_of(desk))
    await looks.look_once()
    before = desk.company.cnpj
    assert (await connection(desk))["company_cnpj"] == before
    desk.company.cnpj = "11444777000161"
    await a_day_later(desk)
    await looks.look_once()
    assert (await connection(desk))["company_cnpj"] == "11444777000161"
    told = await desk.pool.fetchval(
        "SELECT detail ->> 'cnpj' FROM audit WHERE action = 'company_changed' ORDER BY at DESC"
    )
    assert told == "11444777000161"

    bill = await desk.sold(customer={"registry_code": "11444777000161"})  # the seller itself
    await desk.work()

    assert (await desk.sale(bill)).status == "held"


@pytest.mark.parametrize("shown", ["", "isento", None, 11, "11.444.777/0001-6"])
async def test_what_is_no_cnpj_changes_none(watch: Watch, shown: Any) -> None:
    desk = watch.desk
    looks = Companies(services=services_of(desk))
    await looks.look_once()
    before = (await connection(desk))["company_cnpj"]
    desk.company.details["cnpj"] = shown
    await a_day_later(desk)

    assert await looks.look_once() == 1

    assert (await connection(desk))["company_cnpj"] == before


async def test_a_cnpj_written_otherwise_is_no_other(watch: Watch) -> None:
    desk = watch.desk
    looks = Companies(services=services_of(desk))
    desk.company.cnpj = "11444777000161"
    await looks.look_once()
    desk.company.cnpj = "11.444.777/0001-61"
    await a_day_later(desk)
    sql = "SELECT count(*) FROM audit WHERE action = 'company_changed'"
    before = await desk.pool.fetchval(sql)

    await looks.look_once()

    assert await desk.pool.fetchval(sql) == before


async def test_what_the_issuer_no_longer_says_stays_as_it_was(watch: Watch) -> None:
    desk = watch.desk
    looks = Companies(services=services_of(desk))
    await looks.look_once()
    desk.company.details.update({"endereco": None, "optanteSimplesNacional": None})
    await a_day_later(desk)

    await looks.look_once()

    kept = await connection(desk)
    assert (kept["company_city"], kept["company_regime"]) == ("3550308", "simples")


async def test_one_that_nobody_answers_for_keeps_no_other_waiting(
    watch: Watch, monkeypatch: Any
) -> None:
    desk = watch.desk
    monkeypatch.setattr(companies, "COMPANIES_A_LOOK", 1)
    looks = Companies(services=services_of(desk))
    await connect_other(desk, "00000000-0000-4000-8000-000000000000")

    assert [await looks.look_once() for _ in range(3)] == [0, 1, 0]
    assert (await connection(desk))["company_city"] == "3550308"


@pytest.mark.parametrize("rests", [True, False])
async def test_who_was_not_answered_for_is_left_alone_for_a_while(
    watch: Watch, monkeypatch: Any, rests: bool
) -> None:
    desk = watch.desk
    if not rests:
        monkeypatch.setattr(companies, "FIRST_REST", timedelta())
    looks = Companies(services=services_of(desk))
    await connect_other(desk, "00000000-0000-4000-8000-000000000000")

    assert await looks.look_once() == 1  # ours; the other one's company is unknown
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE issuer_connections SET company_id = (SELECT company_id FROM issuer_connections"
            " WHERE tenant_id = $1) WHERE tenant_id = $2",
            TENANT,
            OTHER,
        )

    assert await looks.look_once() == (0 if rests else 1)


async def test_one_whose_facts_cannot_be_kept_keeps_no_other_waiting(watch: Watch) -> None:
    desk = watch.desk
    looks = Companies(services=services_of(desk))
    await connect_other(desk, "")
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "ALTER TABLE issuer_connections ADD CONSTRAINT refused"
            f" CHECK (tenant_id <> '{OTHER}' OR checked_at IS NULL) NOT VALID"
        )
        try:
            read = await looks.look_once()
        finally:
            await conn.execute("ALTER TABLE issuer_connections DROP CONSTRAINT refused")

    assert read == 1
    assert (await connection(desk))["company_city"] == "3550308"


async def test_a_connection_that_changed_meanwhile_keeps_nothing_of_the_old_one(
    watch: Watch,
) -> None:
    desk = watch.desk
    before = await connection(desk)
    looks = Companies(services=services_of(desk))
    async with desk.pool.acquire() as conn:
        found = (await connections_store.get(conn, SEALER, TENANT)).issuer
        assert found is not None
        await conn.execute("UPDATE issuer_connections SET connected_at = now()")
    shown = CompanyAsRead(facts=CompanyFacts(), city="3509502", regime="mei")
    await looks.keep(TENANT, found, shown)
    assert (await connection(desk))["company_city"] == before["company_city"]
