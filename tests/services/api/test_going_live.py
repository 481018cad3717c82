"""Another company, or the real environment, while notas are under way."""

from services.sandbox.enotas.records import Company
from shared.db.connection import Pool
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.api.support import MOMENT, Reply, World, issuer_body


def a_company(world: World) -> Company:
    key = world.sandbox.enotas.create_key()
    return world.sandbox.enotas.create_company(key=key.key)


async def put(
    world: World, tenant: TenantId, company: Company, environment: str, **more: str
) -> Reply:
    body = issuer_body(company.key, company.id) | {"environment": environment, **more}
    return await world.api.put(f"/tenants/{tenant}/issuer", body)


def told(reply: Reply) -> dict[str, str]:
    return {warning["code"]: warning["message"] for warning in reply.body["warnings"]}


async def in_test(world: World) -> tuple[TenantId, Company]:
    """A tenant in Homologacao: two sales issued, one under way, one denied, none real."""
    tenant = await world.active_tenant()
    company = a_company(world)
    assert (await put(world, tenant, company, "Homologacao")).status == 200
    await world.sale(tenant, 1, SaleStatus.ISSUED, nota="issued", environment="Homologacao")
    later = MOMENT.replace(day=20)
    await world.sale(
        tenant, 2, SaleStatus.ISSUED, nota="issued", moment_at=later, environment="Homologacao"
    )
    await world.sale(tenant, 3, SaleStatus.ISSUING, nota="pending", environment="Homologacao")
    await world.sale(
        tenant, 4, SaleStatus.DENIED, nota="denied", denial="denied_city", environment="Homologacao"
    )
    return tenant, company


async def sales(pool: Pool) -> list[tuple[int, str, str | None]]:
    rows = await pool.fetch("SELECT bill_id, status, code FROM sales ORDER BY bill_id")
    return [tuple(row) for row in rows]


async def test_going_live_holds_the_sales_issued_as_tests_and_says_so(
    world: World, pool: Pool
) -> None:
    tenant, company = await in_test(world)

    reply = await put(world, tenant, company, "Producao")

    assert reply.status == 200
    assert told(reply)["test_sales_held"].startswith("3 vendas emitidas como teste.")
    assert "open_notas_elsewhere" not in told(reply)
    assert await sales(pool) == [
        (1, "held", "issued_as_test"),
        (2, "held", "issued_as_test"),
        (3, "held", "issued_as_test"),
        (4, "denied", None),
    ]
    assert await world.due(tenant) == []
    shown = await world.api.get(f"/tenants/{tenant}/sales/1")
    assert shown.body["attention"]["code"] == "issued_as_test"
    assert shown.body["timeline"][-1]["what"] == "held"
    assert "homologação" in shown.body["timeline"][-1]["why"]


async def test_going_live_with_issue_makes_them_due_at_once(world: World, pool: Pool) -> None:
    tenant, company = await in_test(world)

    reply = await put(world, tenant, company, "Producao", test_sales="issue")

    assert told(reply)["test_sales_due"].startswith("3 vendas emitidas como teste.")
    assert [status for _, status, _ in await sales(pool)] == ["queued"] * 3 + ["denied"]
    assert await world.due(tenant) == [1, 2, 3]


async def test_going_live_may_begin_with_a_day_that_a_person_states(
    world: World, pool: Pool
) -> None:
    tenant, company = await in_test(world)

    reply = await put(
        world, tenant, company, "Producao", test_sales="issue", test_sales_since="2026-11-20"
    )

    assert set(told(reply)) == {"test_sales_held", "test_sales_due"}
    assert [status for _, status, _ in await sales(pool)] == ["held", "queued", "held", "denied"]
    assert await world.due(tenant) == [2]


async def test_going_live_twice_changes_nothing_more(world: World, pool: Pool) -> None:
    tenant, company = await in_test(world)
    await put(world, tenant, company, "Producao")
    first = await sales(pool)

    again = await put(world, tenant, company, "Producao", test_sales="issue")

    assert told(again) == {}
    assert await sales(pool) == first


async def test_another_company_with_notas_under_way_says_how_many_and_what_becomes_of_them(
    world: World, pool: Pool
) -> None:
    tenant = await world.active_tenant()
    await put(world, tenant, a_company(world), "Producao")
    await world.sale(tenant, 1, SaleStatus.ISSUING, nota="pending")
    await world.sale(tenant, 2, SaleStatus.UNCERTAIN, nota="uncertain")
    await world.sale(tenant, 3, SaleStatus.ISSUED, nota="issued")
    await pool.execute(
        "UPDATE notas SET environment = 'Producao', external_id = 'p' || substr(external_id, 2),"
        " connection_id = (SELECT max(connection_id) FROM nota_connections)"
    )

    reply = await put(world, tenant, a_company(world), "Producao")

    assert told(reply)["open_notas_elsewhere"].startswith("2 notas em andamento em ")
    assert "conexão em que nasceram" in told(reply)["open_notas_elsewhere"]
    assert [status for _, status, _ in await sales(pool)] == ["issuing", "uncertain", "issued"]
    health = await world.api.get(f"/tenants/{tenant}/health")
    check = next(c for c in health.body["checks"] if c["code"] == "open_notas_elsewhere")
    assert "2" in check["message"]


async def test_the_same_company_with_a_new_key_is_the_same_connection(
    world: World, pool: Pool
) -> None:
    tenant = await world.active_tenant()
    company = a_company(world)
    await put(world, tenant, company, "Producao")
    before = await pool.fetch("SELECT connection_id, key_word FROM nota_connections ORDER BY 1")

    company.key = world.sandbox.enotas.create_key().key
    await put(world, tenant, company, "Producao")

    after = await pool.fetch("SELECT connection_id, key_word FROM nota_connections ORDER BY 1")
    assert [row["connection_id"] for row in after] == [row["connection_id"] for row in before]
    assert after[-1]["key_word"] != before[-1]["key_word"]
    assert after[0]["key_word"] == before[0]["key_word"]


async def test_documents_are_fetched_where_the_nota_was_issued(world: World, pool: Pool) -> None:
    tenant = await world.active_tenant()
    old = a_company(world)
    await put(world, tenant, old, "Producao")
    await world.sale(tenant, 1, SaleStatus.ISSUED, nota="issued")
    name = f"p-{tenant}-1-1"
    await pool.execute(
        "UPDATE notas SET environment = 'Producao', external_id = $1,"
        " connection_id = (SELECT max(connection_id) FROM nota_connections)",
        name,
    )
    old.faults.instant = True
    world.sandbox.enotas.issue(old, name, {"ambienteEmissao": "Producao", "valorTotal": 179.9})
    world.sandbox.clock.advance(600)
    await put(world, tenant, a_company(world), "Producao")

    reply = await world.api.get(f"/tenants/{tenant}/sales/1/xml")

    assert reply.status == 200, reply.body
