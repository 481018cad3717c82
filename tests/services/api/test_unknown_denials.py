"""Refusals that nobody knows: counted over all tenants, without anybody's data in them."""

from datetime import UTC, datetime, timedelta

from shared.crypto import columns
from shared.db.sales import unknown_denials_store
from shared.db.sales.unknown_denials_store import Met
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import SaleStatus
from tests.services.api.support import World

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def met(
    world: World, tenant: TenantId, text: str, bill: int, *, at: datetime = NOON, times: int = 1
) -> None:
    group = f"denied_unknown-{bill:016x}"
    sealed = columns.UNKNOWN_DENIAL.seal(world.sealer, tenant, text.encode(), group)
    one = Met(denial_group=group, bill_id=BillId(bill), reason=sealed, count=1)
    async with world.pool.acquire() as conn, conn.transaction():
        await unknown_denials_store.count(conn, tenant, [one] * times, at)


async def test_equal_texts_of_all_tenants_are_one_line_without_their_data(world: World) -> None:
    one, other = await world.api.tenant("Escola Aurora"), await world.api.tenant("Escola Boreal")
    await world.sale(one, 7, SaleStatus.DENIED, customer_name="Maria Quitanda")
    await met(world, one, "A cota 12 de maria quitanda acabou", 7, times=3)
    await met(world, other, "A cota 99 de João Pereira acabou", 8, at=NOON + timedelta(days=1))
    await met(world, other, "Falta o carimbo", 9)

    reply = await world.api.get("/denials/unknown")

    first, second = reply.body["items"]
    assert (first["count"], first["tenants"]) == (4, 2)
    assert first["text"] == "A cota ## de [nome] acabou"
    assert (first["first_at"], first["last_at"]) == ("2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z")
    assert (second["count"], second["text"]) == (1, "Falta o carimbo")
    assert reply.body["next"] is None


async def test_a_text_that_a_lost_key_shut_hides_no_other(world: World) -> None:
    tenant = await world.api.tenant()
    await met(world, tenant, "Falta o selo", 1)
    await met(world, tenant, "Falta o carimbo", 2)
    async with world.pool.acquire() as conn:
        lost = "UPDATE unknown_denials SET reason = overlay(reason PLACING '\\x00' FROM 2 FOR 1)"
        await conn.execute(f"{lost} WHERE bill_id = 1")

    reply = await world.api.get("/denials/unknown")

    assert reply.status == 200
    assert {item["text"] for item in reply.body["items"]} == {"", "Falta o carimbo"}


async def test_the_list_is_cut_and_goes_on_and_knows_days(world: World) -> None:
    tenant = await world.api.tenant()
    for number, text in enumerate(("Falta o selo", "Falta o carimbo", "Falta a rubrica"), 1):
        await met(world, tenant, text, number, at=NOON + timedelta(days=number), times=number)

    page = await world.api.get("/denials/unknown?limit=2")
    rest = await world.api.get(f"/denials/unknown?limit=2&cursor={page.body['next']}")
    recent = await world.api.get("/denials/unknown?since=2026-11-23")
    early = await world.api.get("/denials/unknown?until=2026-11-21")
    odd = await world.api.get("/denials/unknown?cursor=xyz")

    assert [item["count"] for item in page.body["items"]] == [3, 2]
    assert [item["text"] for item in rest.body["items"]] == ["Falta o selo"]
    assert [item["text"] for item in recent.body["items"]] == ["Falta a rubrica"]
    assert [item["text"] for item in early.body["items"]] == ["Falta o selo"]
    assert odd.status == 422
