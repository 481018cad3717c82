"""The closing as the accountant files it: by competência, with its bridge and its credits."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.json import encode
from msgspec.structs import replace

from shared.crypto import columns
from shared.domain.money import Cents
from shared.domain.nota import Withheld
from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.api.support import World
from tests.services.reconciler.closing.filed import (
    MONTH,
    NEXT,
    SERVICE,
    a_draft,
    cancelled,
    closing,
    issued,
    months,
)

__all__ = ["api", "sandbox", "settings", "world"]  # fixtures


async def test_a_month_is_added_up_by_service_rate_and_withholding(world: World) -> None:
    tenant = await world.active_tenant()
    withholding = replace(SERVICE, iss_withheld=True)
    federal = Withheld(pis=Cents(117), cofins=Cents(540), csll=Cents(180), irrf=Cents(270))
    await issued(world, tenant, 1, a_draft())
    await issued(world, tenant, 2, a_draft(discount=Cents(2_000), deductions=Cents(1_000)))
    await issued(world, tenant, 3, a_draft(withholding, withheld=federal))

    body = await closing(world, tenant)

    own, withheld = body["totals"]["classes"]
    assert (own["notas"], own["amount"], own["total"]) == (2, "359.80", "379.80")
    assert (own["discount"], own["deductions"], own["base"]) == ("20.00", "10.00", "349.80")
    assert (own["iss_own"], own["iss_withheld"]) == ("7.00", "0.00")  # 3.60 and 3.40
    assert (withheld["iss_own"], withheld["iss_withheld"]) == ("0.00", "3.60")
    assert (withheld["pis"], withheld["cofins"], withheld["csll"]) == ("1.17", "5.40", "1.80")
    assert (withheld["inss"], withheld["irrf"], withheld["net"]) == ("0.00", "2.70", "165.23")
    assert own["municipal_code"] == withheld["municipal_code"] == "02800"
    assert (own["withheld_by_buyer"], withheld["withheld_by_buyer"]) == (False, True)
    assert body["totals"]["sum"]["notas"] == 3
    assert body["totals"]["unknown"] == 0


async def test_a_divided_sale_is_a_line_for_each_of_its_services(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft(amount=Cents(10_000)), part=1)
    other = replace(SERVICE, lc116="1.09", iss_rate="5.00")
    await issued(world, tenant, 1, a_draft(other, amount=Cents(7_990)), part=2)

    body = await closing(world, tenant)

    assert [(one["lc116"], one["iss_own"]) for one in body["totals"]["classes"]] == [
        ("1.07", "2.00"),
        ("1.09", "4.00"),
    ]
    assert (body["notas"]["bills"], body["totals"]["sum"]["notas"]) == (1, 2)


async def test_a_nota_that_the_issuer_lists_twice_hides_none_of_another_months_sale(
    world: World,
) -> None:
    """Stated by a person, it has no id of the issuer: both that are listed under its own are it."""
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    before = datetime(2026, 10, 31, 15, tzinfo=UTC)
    await issued(world, tenant, 2, a_draft(), moment_at=before)
    async with world.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET issuer_id = NULL, raw_status = 'stated_by_person'")
        await conn.executemany(
            "INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, bill_id,"
            " valid, raw_status, amount, competencia, created_on, read_at)"
            " VALUES ($1, 'co-1', $2, $3, 1, true, 'Autorizada', 17990, '2026-11-10',"
            " '2026-11-10', now())",
            [(tenant, word, f"p-{tenant}-1x0-1") for word in ("n1", "n2")],
        )

    november = await closing(world, tenant)

    assert november["totals"]["sum"]["notas"] == 2
    assert months(november["totals"]["bridge"]["moment_elsewhere"]) == [("2026-10", 1, "179.90")]
    assert november["issuer"]["notas"] == 2


async def test_the_month_of_the_sale_and_of_the_competencia_are_bridged(world: World) -> None:
    tenant = await world.active_tenant()
    before = datetime(2026, 10, 31, 15, tzinfo=UTC)
    await issued(world, tenant, 1, a_draft())
    await issued(world, tenant, 2, a_draft(competencia=date(2026, 12, 8)))
    await issued(world, tenant, 3, a_draft(), moment_at=before)
    await issued(world, tenant, 4, a_draft(competencia=date(2026, 10, 31)), moment_at=before)

    november, december = await closing(world, tenant), await closing(world, tenant, NEXT)

    assert november["notas"]["amount"] == "359.80"  # of the sales 1 and 2
    assert november["totals"]["sum"]["amount"] == "359.80"  # the notas of 1 and 3
    bridge = november["totals"]["bridge"]
    assert months(bridge["competencia_elsewhere"]) == [("2026-12", 1, "179.90")]
    assert months(bridge["moment_elsewhere"]) == [("2026-10", 1, "179.90")]
    assert december["notas"]["amount"] == "0.00"
    assert months(december["totals"]["bridge"]["moment_elsewhere"]) == [(MONTH, 1, "179.90")]


async def test_what_is_cancelled_in_a_later_month_is_credited_there(world: World) -> None:
    tenant = await world.active_tenant()
    for bill in (1, 2, 3):
        await issued(world, tenant, bill, a_draft())
    await cancelled(world, tenant, 2, datetime(2026, 11, 28, tzinfo=UTC))
    await cancelled(world, tenant, 3, datetime(2026, 12, 2, tzinfo=UTC))

    november, december = await closing(world, tenant), await closing(world, tenant, NEXT)
    listed = await world.api.get(f"/tenants/{tenant}/closing/credits?month={NEXT}")

    assert november["totals"]["sum"]["notas"] == 2  # 1, and 3 as it was filed
    assert november["totals"]["sum"]["iss_own"] == "7.20"
    assert months(november["totals"]["bridge"]["cancelled_later"]) == [(NEXT, 1, "179.90")]
    assert november["credits"]["sum"]["notas"] == 0
    assert december["totals"]["sum"]["notas"] == 0
    assert december["credits"]["sum"]["iss_own"] == "3.60"
    assert [(one["month"], one["amount"]) for one in december["credits"]["months"]] == [
        (MONTH, "179.90")
    ]
    [credit] = listed.body["items"]
    assert credit == {
        "bill_id": 3,
        "part": 0,
        "external_id": f"p-{tenant}-3x0-1",
        "number": "301",
        "month": MONTH,
        "competencia": "2026-11-10",
        "cancelled_at": "2026-12-02T00:00:00Z",
        "amount": "179.90",
        "iss_own": "3.60",
        "iss_withheld": "0.00",
        "iss_suspended": "0.00",
    }
    assert listed.body["next"] is None


async def test_the_month_of_a_cancellation_ends_at_the_tenants_midnight(world: World) -> None:
    tenant = await world.active_tenant()
    for bill in (1, 2):
        await issued(world, tenant, bill, a_draft())
    await cancelled(world, tenant, 1, datetime(2026, 12, 1, 2, 59, tzinfo=UTC))  # 23:59 in November
    await cancelled(world, tenant, 2, datetime(2026, 12, 1, 3, tzinfo=UTC))

    november, december = await closing(world, tenant), await closing(world, tenant, NEXT)

    assert november["totals"]["sum"]["notas"] == 1
    assert december["credits"]["sum"]["notas"] == 1


@pytest.mark.parametrize("why", ["never_arrived", "issued_as_test", "replaced"])
async def test_what_was_never_valid_is_no_credit_when_it_ends(world: World, why: str) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    await cancelled(world, tenant, 1, datetime(2026, 12, 2, tzinfo=UTC), raw_status=why)

    november, december = await closing(world, tenant), await closing(world, tenant, NEXT)

    assert november["totals"]["sum"]["notas"] == december["credits"]["sum"]["notas"] == 0


async def test_a_nota_issued_anew_is_filed_and_the_one_before_it_credited(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    await cancelled(world, tenant, 1, datetime(2026, 12, 2, tzinfo=UTC))
    await issued(world, tenant, 1, a_draft(competencia=date(2026, 12, 2)), revision=2)

    november, december = await closing(world, tenant), await closing(world, tenant, NEXT)

    assert november["totals"]["sum"]["notas"] == 1
    assert december["totals"]["sum"]["notas"] == december["credits"]["sum"]["notas"] == 1
    assert months(november["totals"]["bridge"]["cancelled_later"]) == [(NEXT, 1, "179.90")]


async def test_a_test_is_filed_nowhere(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft(), environment="Homologacao")

    body = await closing(world, tenant)

    assert body["totals"]["sum"]["notas"] == 0
    assert body["totals"]["classes"] == []


async def test_a_locked_month_stays_as_it_was_filed(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    locked = await world.api.post(
        f"/tenants/{tenant}/closing/{MONTH}/lock", {"reason": "entregue", "force": True}
    )
    before = await closing(world, tenant)

    await cancelled(world, tenant, 1, datetime(2026, 12, 2, tzinfo=UTC))

    after = await closing(world, tenant)
    assert locked.status == 201
    assert after["totals"]["classes"] == before["totals"]["classes"]
    assert [one["what"] for one in after["adjustments"]] == ["notas", "exception"]


async def test_a_nota_of_others_is_told_beside_the_totals(world: World) -> None:
    tenant = await world.active_tenant()
    company = next(iter(world.sandbox.enotas.companies.values()))
    today = datetime.now(ZoneInfo("America/Sao_Paulo"))
    world.sandbox.enotas.issue(
        company,
        "of-somebody",
        {
            "servico": {"descricao": "Avulsa"},
            "valorTotal": 50.0,
            "ambienteEmissao": "Producao",
            "dataCompetencia": f"{today:%Y-%m-%d}T15:00:00Z",
        },
    )
    world.sandbox.clock.advance(600)

    body = await closing(world, tenant, f"{today:%Y-%m}")

    assert (body["totals"]["foreign"]["notas"], body["totals"]["foreign"]["amount"]) == (1, "50.00")
    assert body["totals"]["sum"]["notas"] == 0


TWICE = """
    INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, bill_id, valid,
                              raw_status, amount, competencia, number, created_on, read_at)
    SELECT n.tenant_id, 'a-company', n.bill_id || one, n.external_id, n.bill_id, true, 'Autorizada',
           n.amount, n.competencia, n.number, n.competencia, now()
      FROM notas n, unnest(ARRAY['-a', '-b']) AS one
     WHERE n.tenant_id = $1
"""


async def test_a_nota_that_the_issuer_lists_twice_is_filed_once(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    await issued(world, tenant, 2, a_draft(competencia=date(2026, 12, 8)))
    async with world.pool.acquire() as conn:
        await conn.execute(TWICE, tenant)

    body = await closing(world, tenant)

    assert (body["totals"]["sum"]["notas"], body["totals"]["sum"]["amount"]) == (1, "179.90")
    assert months(body["totals"]["bridge"]["competencia_elsewhere"]) == [("2026-12", 1, "179.90")]
    assert (body["issuer"]["notas"], body["issuer"]["differences"]) == (4, 2)  # one of each sale


FORGET = """
    UPDATE notas SET fiscal_class = NULL, fiscal_sent_at = NULL, iss = NULL
     WHERE tenant_id = $1 AND bill_id = ANY($2)
"""


async def test_what_earlier_code_left_is_told_from_its_sealed_draft(world: World) -> None:
    tenant = await world.active_tenant()
    for bill in (1, 2, 3):
        await issued(world, tenant, bill, a_draft())
    async with world.pool.acquire() as conn:
        await conn.execute(FORGET, tenant, [1, 2])
        await conn.execute(
            "UPDATE notas SET request = 'x' WHERE tenant_id = $1 AND bill_id = 2", tenant
        )

    body = await closing(world, tenant)

    known, unknown = body["totals"]["classes"]
    assert (known["notas"], known["iss_own"], known["known"]) == (2, "7.20", True)
    assert (unknown["notas"], unknown["amount"], unknown["known"]) == (1, "179.90", False)
    assert (unknown["iss_own"], unknown["without_rate"]) == ("0.00", 1)
    assert body["totals"]["unknown"] == 1


async def test_what_earlier_code_sent_again_says_what_was_sent_last(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    mended = a_draft(replace(SERVICE, iss_rate="5.00"))
    sealed = columns.REQUEST.seal(world.sealer, tenant, encode(mended), 1, 0, 1)
    async with world.pool.acquire() as conn:  # it knows neither class nor figures
        await conn.execute(
            "UPDATE notas SET request = $2, sent_at = now() + interval '1 second', sends = 2"
            " WHERE tenant_id = $1",
            tenant,
            sealed,
        )

    body = await closing(world, tenant)

    [line] = body["totals"]["classes"]
    assert (line["iss_rate"], line["iss_own"]) == ("5.00", "9.00")  # 8.995, to the even one


async def test_a_nota_that_was_sent_again_says_what_was_sent_last(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft(discount=Cents(500)))
    async with world.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET status = 'denied' WHERE tenant_id = $1", tenant)
    await issued(world, tenant, 1, a_draft(replace(SERVICE, iss_rate=None)), again=True)

    body = await closing(world, tenant)

    [line] = body["totals"]["classes"]
    assert (line["iss_rate"], line["iss_own"], line["without_rate"]) == (None, "0.00", 1)
    assert line["discount"] == "0.00"


async def test_credits_are_listed_a_page_at_a_time(world: World) -> None:
    tenant = await world.active_tenant()
    for bill in (1, 2, 3):
        await issued(world, tenant, bill, a_draft())
        await cancelled(world, tenant, bill, datetime(2026, 12, 2, tzinfo=UTC))
    here = f"/tenants/{tenant}/closing/credits?month={NEXT}&limit=2"

    first = await world.api.get(here)
    second = await world.api.get(f"{here}&cursor={first.body['next']}")
    bad = await world.api.get(f"{here}&cursor=abc")

    found = [one["bill_id"] for one in (*first.body["items"], *second.body["items"])]
    assert found == [1, 2, 3]
    assert second.body["next"] is None
    assert (bad.status, bad.code) == (422, "invalid_request")


async def test_one_tenants_notas_are_in_no_others_totals(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    other = await world.api.tenant("Outra Escola")

    body = await closing(world, other)

    assert body["totals"]["sum"]["notas"] == 0
