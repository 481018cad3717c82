"""A sale of several notas as support and scripts see it."""

from shared.db.closing import closing_read
from shared.db.closing.closing_read import Line, Span
from shared.db.connection import Pool
from shared.db.sales import sale_parts_store
from shared.domain.closing import Kinds
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.parts import Share
from shared.domain.sale import SaleStatus as S
from tests.services.api.support import MOMENT, World

WHY = {"reason": "o cliente pediu"}
SHARES = (
    Share(part=1, amount=Cents(10_000), lines=(1,)),
    Share(part=2, amount=Cents(7_990), lines=(2, 3)),
)
ADD_PART = """
    INSERT INTO notas (tenant_id, bill_id, part, revision, external_id, status, number, environment,
                       amount, competencia, request)
    VALUES ($1, $2, $3, 1, $4, $5, $6, 'Producao', $7, '2026-11-10', '')
"""


async def divided(world: World, pool: Pool, status: S, *notas: str | None) -> TenantId:
    """Sale 7 of a tenant, of two parts; None where no nota was asked for."""
    tenant = await world.active_tenant()
    code = "denied_service" if status is S.DENIED else "tenant_paused" if status is S.HELD else None
    await world.sale(tenant, 7, status, code=code)
    async with pool.acquire() as conn, conn.transaction():
        await sale_parts_store.divide(conn, tenant, {BillId(7): SHARES})
        for share, nota in zip(SHARES, notas, strict=True):
            if nota is not None:
                key = f"p-{tenant}-7x{share.part}-1"
                values = (7, share.part, key, nota, f"10{share.part}", share.amount)
                await conn.execute(ADD_PART, tenant, *values)
    return tenant


async def test_a_sale_shows_every_nota_with_its_part_and_amount(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.DENIED, "issued", "denied")

    sale = (await world.api.get(f"/tenants/{tenant}/sales/7")).body
    listed = (await world.api.get(f"/tenants/{tenant}/sales")).body["items"][0]

    shown = [(one["part"], one["amount"], one["status"]) for one in sale["notas"]]
    assert shown == [(1, "100.00", "issued"), (2, "79.90", "denied")]
    assert sale["nota"] == sale["notas"][0]
    assert sale["nota"]["external_id"] == f"p-{tenant}-7x1-1"
    assert listed["notas"] == sale["notas"]
    assert sale["attention"]["code"] == "denied_service"


async def test_a_sale_of_one_nota_lists_that_one(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, S.ISSUED, nota="issued")
    await world.sale(tenant, 2, S.QUEUED)

    one = (await world.api.get(f"/tenants/{tenant}/sales/1")).body
    none = (await world.api.get(f"/tenants/{tenant}/sales/2")).body

    assert one["notas"] == [one["nota"]]
    assert (one["nota"]["part"], one["nota"]["amount"]) == (0, "179.90")
    assert (none["nota"], none["notas"]) == (None, [])


async def test_the_documents_of_each_part_are_fetched_by_its_number(
    world: World, pool: Pool
) -> None:
    tenant = await divided(world, pool, S.ISSUED, "issued", "issued")
    (company,) = world.sandbox.enotas.companies.values()
    second = world.sandbox.enotas.issue(company, f"p-{tenant}-7x2-1", {})
    second.status = "Autorizada"
    path = f"/tenants/{tenant}/sales/7"

    asked = await world.api.get(f"{path}/pdf?part=2")
    unknown = await world.api.get(f"{path}/pdf?part=3")
    odd = await world.api.get(f"{path}/xml?part=a")

    assert asked.status == 200
    assert "7x2-1.pdf" in asked.headers["Content-Disposition"]
    assert (unknown.status, unknown.code) == (404, "no_nota")
    assert (odd.status, odd.code) == (422, "invalid_request")


async def test_a_half_issued_sale_takes_the_actions_its_missing_part_allows(
    world: World, pool: Pool
) -> None:
    tenant = await divided(world, pool, S.HELD, "issued", None)
    path = f"/tenants/{tenant}/sales/7"

    held = await world.api.post(f"{path}/hold", WHY)
    issue = await world.api.post(f"{path}/issue", WHY)
    cancel = await world.api.post(f"{path}/cancel", WHY)

    assert (held.status, issue.status, cancel.status) == (202, 202, 202)


async def test_a_sale_with_a_denied_part_is_sent_again_or_cancelled(
    world: World, pool: Pool
) -> None:
    tenant = await divided(world, pool, S.DENIED, "issued", "denied")
    path = f"/tenants/{tenant}/sales/7"

    retry = await world.api.post(f"{path}/retry", WHY)
    cancel = await world.api.post(f"{path}/cancel", WHY)

    assert (retry.status, cancel.status) == (202, 202)
    resend = "SELECT resend FROM notas WHERE tenant_id = $1 ORDER BY part"
    assert await world.column(resend, tenant) == [False, True]


async def test_a_sale_whose_notas_all_stand_is_not_issued_again(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.ISSUED, "issued", "issued")

    issue = await world.api.post(f"/tenants/{tenant}/sales/7/issue", WHY)

    assert (issue.status, issue.code) == (409, "nota_exists")


async def lines(world: World, pool: Pool, tenant: TenantId) -> list[Line]:
    first, end = MOMENT.replace(day=1), MOMENT.replace(month=12, day=1)
    span = Span(tenant=tenant, first=first, end=end, kinds=Kinds(paid=True, created=False))
    return [line async for page in closing_read.lines(pool, span) for line in page]


async def test_the_closing_has_one_line_a_bill_with_all_its_notas(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.ISSUED, "issued", "issued")

    (line,) = await lines(world, pool, tenant)

    assert line.external_id == f"p-{tenant}-7x1-1 p-{tenant}-7x2-1"
    assert (line.number, line.nota_amount, line.difference) == ("101 102", 17_990, 0)


async def test_a_line_explains_the_part_that_is_gone(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.CANCEL_REFUSED, "cancel_refused", "cancelled")

    (line,) = await lines(world, pool, tenant)

    assert (line.nota_amount, line.explained, line.difference) == (10_000, 7_990, 0)


async def test_sales_of_one_number_at_two_tenants_are_divided_apart(
    world: World, pool: Pool
) -> None:
    tenant = await divided(world, pool, S.ISSUED, "issued", "issued")
    other = await world.active_tenant("Outra")
    await world.sale(other, 7, S.ISSUED, nota="issued")

    sale = (await world.api.get(f"/tenants/{other}/sales/7")).body

    assert [one["part"] for one in sale["notas"]] == [0]
    assert len((await world.api.get(f"/tenants/{tenant}/sales/7")).body["notas"]) == 2


WISHES = "SELECT wish FROM notas WHERE tenant_id = $1 ORDER BY part"


async def test_one_nota_of_a_sale_is_taken_back_by_its_number(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.ISSUED, "issued", "issued")
    await world.settle_all(tenant)

    answer = await world.api.post(f"/tenants/{tenant}/sales/7/cancel", {**WHY, "part": 2})

    assert answer.status == 202
    assert await world.column(WISHES, tenant) == [None, "cancel"]
    assert await world.column("SELECT wish FROM sales WHERE tenant_id = $1", tenant) == [None]
    assert await world.due(tenant) == [7]
    story = (await world.api.get(f"/tenants/{tenant}/sales/7")).body
    assert "nota 2: o cliente pediu" in story["timeline"][-1]["text"]


async def test_one_that_was_cancelled_is_issued_anew_and_the_other_stays_cancelled(
    world: World, pool: Pool
) -> None:
    tenant = await divided(world, pool, S.CANCELLED, "cancelled", "cancelled")

    answer = await world.api.post(f"/tenants/{tenant}/sales/7/issue", {**WHY, "part": 1})

    assert answer.status == 202
    assert await world.column(WISHES, tenant) == ["issue", "cancel"]


async def test_a_part_in_the_wrong_state_is_refused_with_its_word(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.DENIED, "issued", "denied")
    await world.sale(tenant, 8, S.ISSUED, nota="issued")
    path = f"/tenants/{tenant}/sales"

    answers = [
        await world.api.post(f"{path}/7/cancel", {**WHY, "part": 3}),
        await world.api.post(f"{path}/8/cancel", {**WHY, "part": 1}),
        await world.api.post(f"{path}/7/issue", {**WHY, "part": 1}),
        await world.api.post(f"{path}/7/retry", {**WHY, "part": 1}),
        await world.api.post(f"{path}/7/cancel", {**WHY, "part": 2}),
    ]

    assert [(one.status, one.code) for one in answers] == [
        (409, "no_such_part"),
        (409, "no_such_part"),
        (409, "nota_exists"),
        (409, "nothing_to_retry"),
        (409, "nothing_to_cancel"),
    ]
    assert await world.column(WISHES, tenant) == [None, None, None]


async def test_a_part_that_is_none_is_refused(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.ISSUED, "issued", "issued")
    path = f"/tenants/{tenant}/sales/7"

    answers = [
        await world.api.post(f"{path}/cancel", {**WHY, "part": 0}),
        await world.api.post(f"{path}/hold", {**WHY, "part": 1}),
        await world.api.post(f"{path}/issue", {**WHY, "part": 1, "amount": "bill"}),
    ]

    assert [(one.status, one.code) for one in answers] == [(422, "invalid_request")] * 3


async def test_the_whole_issued_again_forgets_what_was_taken_back_alone(
    world: World, pool: Pool
) -> None:
    tenant = await divided(world, pool, S.CANCELLED, "cancelled", "cancelled")
    await world.api.post(f"/tenants/{tenant}/sales/7/issue", {**WHY, "part": 1})
    await world.api.post(f"/tenants/{tenant}/sales/7/cancel", {**WHY, "part": 1})
    assert await world.column(WISHES, tenant) == ["cancel", "cancel"]

    answer = await world.api.post(f"/tenants/{tenant}/sales/7/issue", WHY)

    assert answer.status == 202
    assert await world.column(WISHES, tenant) == [None, None]


async def test_many_sales_are_asked_about_the_same_part(world: World, pool: Pool) -> None:
    tenant = await divided(world, pool, S.ISSUED, "issued", "issued")
    path = f"/tenants/{tenant}/sales/actions"
    many = {"bill_ids": [7, 8], "part": 2, **WHY}

    done = await world.api.post(path, {"action": "cancel", **many})

    assert done.status == 202
    assert done.body["accepted"] == 1
    assert [one["bill_id"] for one in done.body["refused"]] == [8]
    wishes = await pool.fetch("SELECT part, wish FROM notas WHERE bill_id = 7 ORDER BY part")
    assert [row["wish"] for row in wishes] == [None, "cancel"]
    none = await world.api.post(path, {"action": "cancel", **many, "bill_ids": [7], "part": 3})
    assert [one["code"] for one in none.body["refused"]] == ["no_such_part"]
    for wrong in ({"action": "hold"}, {"action": "issue", "amount": "lines"}):
        assert (await world.api.post(path, {**many, **wrong})).status == 422
