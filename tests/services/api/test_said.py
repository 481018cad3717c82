"""What is said of sales that wait, and of actions that can do nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import LIVE, Mark
from shared.db.vindi import bills_store
from shared.db.vindi.bills_store import ReadBill
from shared.domain.breaker import Breaker
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import SaleStatus
from shared.domain.waiting import Waiting, WaitingEntry, waiting_for
from tests.builders import a_bill
from tests.services.api.support import World

S = SaleStatus
WHY = {"reason": "conferido"}
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=3)
BEFORE = NOW - timedelta(minutes=3)
CITY = Breaker(scope="city", state="open", since=BEFORE, probe_at=LATER)
ISSUER = Breaker(scope="issuer", state="open", since=BEFORE, probe_at=LATER)
HOST = Breaker(scope="host", state="restarting", since=BEFORE, probe_at=LATER)
COMPANY = Breaker(
    scope="company", state="open", since=BEFORE, probe_at=LATER, cause="nacional:E0715"
)
CLOSED = Breaker(scope="issuer", since=BEFORE)


def entry(**changes: Any) -> WaitingEntry:
    values: dict[str, Any] = {"state": "due", "due_at": LATER, "tries": 0, "bill_read": True}
    return WaitingEntry(**{**values, **changes})


@pytest.mark.parametrize(
    ("status", "code", "place", "breakers", "expected"),
    [
        (S.QUEUED, None, entry(), [CITY, CLOSED], Waiting(code="city_outage", until=LATER)),
        (S.QUEUED, None, entry(), [ISSUER], Waiting(code="issuer_outage", until=LATER)),
        (S.QUEUED, None, entry(), [HOST, CITY], Waiting(code="issuer_outage", until=LATER)),
        (
            S.QUEUED,
            None,
            entry(),
            [CITY, COMPANY],
            Waiting(code="company_blocked", until=LATER, cause="nacional:E0715"),
        ),
        (S.QUEUED, None, entry(), [], Waiting(code="issuer_pace", until=LATER)),
        (S.QUEUED, None, entry(due_at=BEFORE), [], Waiting(code="issuer_pace")),
        (S.QUEUED, None, entry(bill_read=False), [], Waiting(code="vindi_budget", until=LATER)),
        (S.QUEUED, None, entry(bill_read=False, due_at=BEFORE), [], Waiting(code="vindi_budget")),
        (S.QUEUED, None, entry(bill_read=False, due_at=NOW), [], None),
        (
            S.QUEUED,
            None,
            entry(bill_read=False, tries=2),
            [],
            Waiting(code="vindi_outage", until=LATER),
        ),
        (S.HELD, "brake_unusual", entry(state="settled"), [], Waiting(code="brake")),
        (S.HELD, "no_rule", entry(state="settled"), [ISSUER], None),
        (S.IN_GUARANTEE, None, entry(), [], None),
        (S.IN_GUARANTEE, None, entry(due_at=BEFORE), [], Waiting(code="vindi_budget")),
        (S.ISSUED, None, entry(), [ISSUER], None),
        (S.QUEUED, None, None, [], None),
    ],
)
def test_a_queued_sale_says_what_it_waits_for(
    status: SaleStatus,
    code: str | None,
    place: WaitingEntry | None,
    breakers: list[Breaker],
    expected: Waiting | None,
) -> None:
    assert waiting_for(status, code, place, breakers, NOW) == expected


async def mark(world: World, tenant: TenantId, bill: int) -> None:
    async with world.pool.acquire() as conn:
        mark = Mark(tenant_id=tenant, bill_id=BillId(bill), lane=LIVE, origin="webhook")
        await outbox_store.mark_due(conn, [mark])


async def test_a_sale_heard_of_and_not_decided_is_shown_as_such(world: World) -> None:
    tenant = await world.api.tenant()
    await mark(world, tenant, 1)
    await mark(world, tenant, 4711)
    async with world.pool.acquire() as conn:
        read = ReadBill(bill=a_bill(), body=b"x", read_at=NOW)
        await bills_store.store(conn, tenant, [read])
    await mark(world, tenant, 3)
    await world.pool.execute("UPDATE outbox SET state = 'settled' WHERE bill_id = 3")
    path = f"/tenants/{tenant}/sales"

    heard, known, forged, unheard = [
        await world.api.get(f"{path}/{bill}") for bill in (1, 4711, 3, 4)
    ]
    refused = await world.api.post(f"{path}/1/issue", WHY)

    assert heard.status == known.status == 200
    shown = [(one.body["status"], one.body["code"], one.body["amount"]) for one in (heard, known)]
    assert shown == [("queued", "not_decided", "0.00"), ("queued", "not_decided", "100.00")]
    assert (forged.status, unheard.status) == (404, 404)
    assert (refused.status, refused.code) == (409, "not_decided")


async def test_a_sale_held_by_a_brake_says_so(world: World) -> None:
    tenant = await world.api.tenant()
    await world.sale(tenant, 1, S.HELD, code="brake_old_moments")

    shown = (await world.api.get(f"/tenants/{tenant}/sales/1")).body["waiting_for"]

    assert (shown["code"], shown["until"]) == ("brake", None)


async def test_a_sale_says_when_it_is_looked_at_again(world: World) -> None:
    tenant = await world.api.tenant()
    for bill, status in ((1, S.ISSUING), (2, S.ISSUED)):
        await world.sale(tenant, bill, status)
        await mark(world, tenant, bill)
    await world.pool.execute(
        "UPDATE outbox SET due_at = $1, state = CASE bill_id WHEN 1 THEN 'due' ELSE 'settled' END",
        LATER,
    )

    issuing, issued = [
        (await world.api.get(f"/tenants/{tenant}/sales/{bill}")).body for bill in (1, 2)
    ]

    assert issuing["looks_again_at"] == "2026-11-29T12:03:00Z"
    assert issued["looks_again_at"] is None


async def test_six_clicks_of_one_action_are_one_line(world: World) -> None:
    tenant = await world.api.tenant()
    await world.sale(tenant, 1, S.WAITING_PAYMENT)
    path = f"/tenants/{tenant}/sales/1"

    for _ in range(6):
        assert (await world.api.post(f"{path}/issue", WHY)).status == 202
    other = {"reason": "outro motivo"}
    for action in ("hold", "hold", "release", "hold"):
        await world.api.post(f"{path}/{action}", other)

    story = (await world.api.get(path)).body["timeline"]
    assert [line["what"] for line in story] == ["issue", "hold", "release", "hold"]
    assert len(await world.column("SELECT 1 FROM audit WHERE action LIKE 'sale_%'")) == 4


@pytest.mark.parametrize("action", ["retry", "cancel"])
async def test_repeated_clicks_of_other_actions_are_one_line_too(world: World, action: str) -> None:
    tenant = await world.api.tenant()
    await world.sale(tenant, 1, S.HELD, code="no_rule")
    path = f"/tenants/{tenant}/sales/1"

    for _ in range(3):
        await world.api.post(f"{path}/{action}", WHY)

    assert len((await world.api.get(path)).body["timeline"]) == 1


@pytest.mark.parametrize(
    "code", ["customer_document_missing", "customer_address_incomplete", "bill_unreadable"]
)
async def test_an_action_that_can_do_nothing_is_refused_with_what_is_missing(
    world: World, code: str
) -> None:
    tenant = await world.api.tenant()
    await world.sale(tenant, 1, S.HELD, code=code)

    reply = await world.api.post(f"/tenants/{tenant}/sales/1/issue", WHY)

    assert (reply.status, reply.code, reply.body["missing"]) == (409, "data_missing", [code])
    assert "Situação: Pendente, desde " in reply.body["detail"]
    assert "É possível: tentar de novo, reter, liberar, cancelar." in reply.body["detail"]
    assert await world.due(tenant) == []


@pytest.mark.parametrize(
    ("status", "action", "told"),
    [
        (S.ISSUED, "issue", "Situação: Emitida, desde "),
        (S.SKIPPED, "cancel", "Situação: Não emitir, desde "),
        (S.CANCELLING, "cancel", "Nenhuma ação é possível agora."),
    ],
)
async def test_a_refusal_says_the_state_since_when_and_what_else(
    world: World, status: SaleStatus, action: str, told: str
) -> None:
    tenant = await world.api.tenant()
    nota = {S.ISSUED: "issued", S.CANCELLING: "cancelling"}.get(status)
    code = "refunded" if status is S.SKIPPED else None
    await world.sale(tenant, 1, status, code=code, nota=nota)

    reply = await world.api.post(f"/tenants/{tenant}/sales/1/{action}", WHY)

    assert reply.status == 409
    assert told in reply.body["detail"]
    assert "2026-" not in reply.body["detail"]


async def test_the_amount_of_a_bill_that_disagrees_is_chosen_with_a_reason(world: World) -> None:
    tenant = await world.api.tenant()
    sums = "itens somam 100.00, fatura diz 90.00"
    for bill in (1, 2, 3):
        await world.sale(tenant, bill, S.HELD, code="amount_mismatch", detail=sums)
    await world.sale(tenant, 4, S.HELD, code="rule_manual")
    path = f"/tenants/{tenant}/sales"

    none = await world.api.post(f"{path}/1/release", WHY)
    lines = await world.api.post(f"{path}/1/release", {**WHY, "amount": "lines"})
    whole = await world.api.post(f"{path}/2/issue", {**WHY, "amount": "bill"})
    stated = await world.api.post(f"{path}/3/issue", {**WHY, "amount": "95.50"})
    other = await world.api.post(f"{path}/4/issue", {**WHY, "amount": "95.50"})
    zero = await world.api.post(f"{path}/3/issue", {**WHY, "amount": "0.00"})

    assert (none.status, none.code, none.body["missing"]) == (409, "amount_needed", ["amount"])
    assert [lines.status, whole.status, stated.status] == [202] * 3
    assert (other.status, other.code) == (409, "no_amount_to_choose")
    assert (zero.status, zero.code) == (422, "invalid_request")
    assert await world.column("SELECT amount_choice FROM sales ORDER BY bill_id") == [
        "lines", "bill", "9550", None,
    ]  # fmt: skip
    assert await world.column("SELECT amount_about FROM sales WHERE bill_id = 3") == [sums]
    (line,) = (await world.api.get(f"{path}/3")).body["timeline"]
    assert line["why"] == "conferido; valor da nota: R$ 95,50"


A_BILL = """
    INSERT INTO bills (tenant_id, bill_id, status, amount, moment_amount, customer_id, created_at,
                       updated_at, created_moment, refunds, body, read_at)
    VALUES ($1, $2, 'paid', 10000, 10000, 1, now(), now(), now(), '{"9": 2500}', '', now())
"""


async def test_the_amount_of_a_sale_given_back_in_part_may_be_what_remains(world: World) -> None:
    tenant = await world.api.tenant()
    for bill in (1, 2, 3):
        await world.sale(tenant, bill, S.HELD, code="partially_refunded")
        await world.pool.execute(A_BILL, tenant, bill)
    path = f"/tenants/{tenant}/sales"

    rest = await world.api.post(f"{path}/1/issue", {**WHY, "amount": "remaining"})
    whole = await world.api.post(f"{path}/2/issue", WHY)
    lines = await world.api.post(f"{path}/3/issue", {**WHY, "amount": "lines"})
    many = {"action": "issue", "bill_ids": [3], "reason": "x", "amount": "remaining"}
    several = await world.api.post(f"{path}/actions", many)

    assert [rest.status, whole.status, several.status] == [202] * 3
    assert (lines.status, lines.code) == (409, "no_amount_to_choose")
    assert await world.column("SELECT amount_choice FROM sales ORDER BY bill_id") == [
        "7500", "bill", "7500",
    ]  # fmt: skip
    assert await world.column("SELECT DISTINCT amount_about FROM sales") == [
        "estornado 25.00 de 100.00"
    ]
    (line,) = (await world.api.get(f"{path}/1")).body["timeline"]
    assert line["why"] == "conferido; valor da nota: o que resta depois do estorno"


BARE = {"reason": "o cliente não informa", "without_document": True}


@pytest.mark.parametrize("code", ["customer_document_missing", "customer_document_invalid"])
@pytest.mark.parametrize("status", [S.HELD, S.IN_GUARANTEE])
async def test_a_person_has_one_sale_issued_without_document_and_says_why(
    world: World, status: SaleStatus, code: str
) -> None:
    tenant = await world.api.tenant()
    held = status is S.HELD
    await world.sale(tenant, 1, status, code=code if held else None)
    if not held:
        await world.pool.execute("UPDATE sales SET attention = $1", code)
    path = f"/tenants/{tenant}/sales/1"

    refused = await world.api.post(f"{path}/issue", WHY)
    taken = await world.api.post(f"{path}/issue", BARE)

    assert (refused.code, refused.body["missing"]) == ("data_missing", [code])
    assert "emitir esta venda sem documento, com o motivo" in refused.body["detail"]
    assert taken.status == 202
    [line] = (await world.api.get(path)).body["timeline"]
    assert line["text"] == (
        "Pedido: emitir: o cliente não informa; sem CPF ou CNPJ, só nesta venda"
    )
    assert line["by"] == "support"
    assert await world.column("SELECT without_document FROM sales") == [True]


@pytest.mark.parametrize(
    ("status", "code", "refusal"),
    [
        (S.HELD, "customer_address_incomplete", "data_missing"),
        (S.HELD, "rule_manual", "document_not_missing"),
        (S.WAITING_PAYMENT, None, "document_not_missing"),
        (S.SKIPPED, "refunded", "nothing_to_issue"),
    ],
)
async def test_without_document_helps_only_where_the_document_is_missing(
    world: World, status: SaleStatus, code: str | None, refusal: str
) -> None:
    tenant = await world.api.tenant()
    await world.sale(tenant, 1, status, code=code)

    reply = await world.api.post(f"/tenants/{tenant}/sales/1/issue", BARE)

    assert (reply.status, reply.code) == (409, refusal)
    assert await world.column("SELECT without_document FROM sales") == [False]


async def test_without_document_goes_with_no_other_wish(world: World) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}/sales/1/issue"

    replies = [
        await world.api.post(path, BARE | other)
        for other in ({"part": 1}, {"substitute": True}, {"amount": "bill"})
    ]

    assert [(one.status, one.code) for one in replies] == [(422, "invalid_request")] * 3
