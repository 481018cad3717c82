from datetime import UTC, datetime
from typing import Any

import pytest

from shared.db.connection import Pool
from shared.db.sales import sales_read, timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.vindi import events_store
from shared.db.vindi.events_store import StoredEvent
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from tests.services.api.support import World

WHY = {"reason": "o cliente pediu"}
S = SaleStatus


async def test_a_sale_tells_its_whole_story(world: World, pool: Pool) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 4711, S.DENIED, nota="denied", denial="denied_certificate")
    event = StoredEvent(
        tenant_id=tenant,
        source="vindi",
        type="bill_paid",
        bill_id=BillId(4711),
        event_at=datetime(2026, 11, 10, 15, tzinfo=UTC),
        flag=None,
        headers={},
        body=b"",
    )
    async with pool.acquire() as conn:
        await events_store.add(conn, [event])
        happening = Happening(bill_id=BillId(4711), what="denied", why="certificado", by="emitter")
        await timeline_store.add(conn, tenant, [happening])

    sale = (await world.api.get(f"/tenants/{tenant}/sales/4711")).body

    assert sale["bill_id"] == 4711
    assert sale["status"] == "denied"
    assert sale["amount"] == "179.90"
    assert sale["moment_at"] == "2026-11-10T15:00:00Z"
    assert sale["nota"]["external_id"] == f"p-{tenant}-4711-1"
    assert sale["nota"]["issued_at"] is None
    assert sale["attention"]["code"] == "denied_certificate"
    assert sale["attention"]["who_acts"] == "tenant"
    assert "certificado" in sale["attention"]["message"]
    assert [(entry["what"], entry["by"]) for entry in sale["timeline"]] == [
        ("event_received", "vindi"),
        ("denied", "emitter"),
    ]


async def test_sales_of_one_number_at_two_tenants_are_two_sales(world: World) -> None:
    one, other = await world.active_tenant("Uma"), await world.active_tenant("Outra")
    await world.sale(one, 7, S.QUEUED)

    assert (await world.api.get(f"/tenants/{one}/sales/7")).status == 200
    assert (await world.api.get(f"/tenants/{other}/sales/7")).code == "sale_unknown"
    assert (await world.api.post(f"/tenants/{other}/sales/7/hold", WHY)).code == "sale_unknown"


@pytest.mark.parametrize("bill", ["0", "-1", "abc", "9223372036854775808", "9" * 40, "%00", "1e3"])
async def test_a_number_no_bill_can_have_is_unknown(world: World, bill: str) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.get(f"/tenants/{tenant}/sales/{bill}")

    assert (reply.status, reply.code) == (404, "sale_unknown")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("?status=held", [4, 2]),
        ("?code=no_rule", [2]),
        ("?code=denied_certificate", [5]),
        ("?since=2026-11-01", [5, 4, 2, 1]),
        ("?since=2026-11-01&until=2026-11-10", [4, 2, 1]),
        ("?until=2026-10-31", [3]),
        ("?q=3", [3]),
        ("?q=padaria", [5, 3, 2, 1]),
        ("?q=100%25", [4]),
        ("?q=%20", [5, 4, 3, 2, 1]),
    ],
)
async def test_sales_are_found_by_what_people_know_of_them(
    world: World, query: str, found: list[int]
) -> None:
    tenant = await world.active_tenant()
    word = sales_read.document_word(world.sealer, tenant, "52998224725")
    at = datetime(2026, 11, 11, 2, 59, tzinfo=UTC)  # still the 10th in São Paulo
    await world.sale(tenant, 1, S.QUEUED, moment_at=at)
    await world.sale(tenant, 2, S.HELD, code="no_rule")
    await world.sale(tenant, 3, S.QUEUED, moment_at=datetime(2026, 11, 1, 2, 59, tzinfo=UTC))
    await world.sale(
        tenant, 4, S.HELD, code="mixed_rules", customer_name="Loja 100% Fictícia",
        document_word=word,
    )  # fmt: skip
    await world.sale(
        tenant, 5, S.DENIED, nota="denied", denial="denied_certificate",
        moment_at=datetime(2026, 11, 11, 3, tzinfo=UTC),
    )  # fmt: skip

    reply = await world.api.get(f"/tenants/{tenant}/sales{query}")

    assert [sale["bill_id"] for sale in reply.body["items"]] == found


async def test_a_list_of_sales_goes_on_where_it_ended(world: World) -> None:
    tenant = await world.active_tenant()
    for bill in range(1, 6):
        await world.sale(tenant, bill, S.QUEUED)
    seen, cursor = [], ""

    while True:
        page = (await world.api.get(f"/tenants/{tenant}/sales?limit=2{cursor}")).body
        seen += [sale["bill_id"] for sale in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "query",
    [
        "status=sold", "since=2026-13-01", "until=9999-12-31", "code=%00", "q=%00", "limit=x",
        "cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "status=held&status=issued", "code=Ünknown",
    ],
)  # fmt: skip
async def test_a_filter_that_means_nothing_is_refused(world: World, query: str) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.get(f"/tenants/{tenant}/sales?{query}")

    assert (reply.status, reply.code) == (422, "invalid_request")


# Each line: the action, the sale's status and code, its nota, and the wish or the refusal.
CASES: list[tuple[str, SaleStatus, str | None, str | None, str]] = [
    ("hold", S.QUEUED, None, None, "hold"),
    ("hold", S.DENIED, None, "denied", "hold"),
    ("hold", S.ISSUED, None, "issued", "nota_exists"),
    ("hold", S.QUEUED, None, "sending", "nota_exists"),
    ("hold", S.SKIPPED, "refunded", None, "nothing_to_hold"),
    ("release", S.HELD, "held_by_person", None, "-"),
    ("release", S.QUEUED, None, None, "not_held"),
    ("issue", S.IN_GUARANTEE, None, None, "issue"),
    ("issue", S.HELD, "rule_manual", None, "issue"),
    ("issue", S.SKIPPED, "before_activation", None, "issue"),
    ("issue", S.CANCELLED, None, "cancelled", "issue"),
    ("issue", S.SKIPPED, "zero_amount", None, "nothing_to_issue"),
    ("issue", S.ISSUED, None, "issued", "nota_exists"),
    ("issue", S.UNCERTAIN, None, "uncertain", "nota_exists"),
    ("cancel", S.ISSUED, None, "issued", "cancel"),
    ("cancel", S.ISSUING, None, "pending", "cancel"),
    ("cancel", S.QUEUED, None, None, "cancel"),
    ("cancel", S.CANCELLED, None, "cancelled", "already_cancelled"),
    ("cancel", S.SKIPPED, "refunded", None, "nothing_to_cancel"),
    ("retry", S.HELD, "customer_document_missing", None, "-"),
    ("retry", S.UNCERTAIN, None, "uncertain", "-"),
    ("retry", S.CANCEL_REFUSED, None, "cancel_refused", "cancel"),
    ("retry", S.ISSUED, None, "issued", "nothing_to_retry"),
]


@pytest.mark.parametrize(("action", "status", "code", "nota", "expected"), CASES)
async def test_an_action_is_written_down_or_refused(
    world: World,
    action: str,
    status: SaleStatus,
    code: str | None,
    nota: str | None,
    expected: str,
) -> None:
    tenant = await world.api.tenant()
    await world.sale(tenant, 1, status, code=code, nota=nota)

    reply = await world.api.post(f"/tenants/{tenant}/sales/1/{action}", WHY)

    wish = await world.column("SELECT wish FROM sales")
    if reply.status == 409:
        assert (reply.code, wish, await world.due(tenant)) == (expected, [None], [])
    else:
        assert reply.status == 202
        assert wish == [None if expected == "-" else expected]
        assert await world.due(tenant) == [1]
        story = (await world.api.get(f"/tenants/{tenant}/sales/1")).body["timeline"]
        assert [(e["what"], e["why"], e["by"]) for e in story] == [
            (action, WHY["reason"], "support")
        ]


async def test_a_denied_nota_is_sent_again_unless_its_number_is_in_doubt(world: World) -> None:
    tenant = await world.api.tenant()
    await world.sale(tenant, 1, S.DENIED, nota="denied", denial="denied_city")
    await world.sale(tenant, 2, S.DENIED, nota="denied", denial="denied_numbering")

    good = await world.api.post(f"/tenants/{tenant}/sales/1/retry", WHY)
    bad = await world.api.post(f"/tenants/{tenant}/sales/2/retry", WHY)

    assert good.status == 202
    assert (bad.status, bad.code) == (409, "numbering_needs_person")
    assert await world.column("SELECT resend FROM notas ORDER BY bill_id") == [True, False]


async def test_many_sales_are_acted_on_at_once(world: World) -> None:
    tenant = await world.api.tenant()
    for bill in (1, 2):
        await world.sale(tenant, bill, S.DENIED, nota="denied", denial="denied_certificate")
    await world.sale(tenant, 3, S.DENIED, nota="denied", denial="denied_city")
    await world.sale(tenant, 4, S.ISSUED, nota="issued")
    path = f"/tenants/{tenant}/sales/actions"

    by_code = await world.api.post(path, {"action": "retry", "code": "denied_certificate", **WHY})
    by_bill = await world.api.post(path, {"action": "retry", "bill_ids": [3, 4, 5, 3], **WHY})

    assert by_code.status == 202
    assert by_code.body == {"accepted": 2, "refused": []}
    assert by_bill.body == {
        "accepted": 1,
        "refused": [
            {"bill_id": 4, "code": "nothing_to_retry"},
            {"bill_id": 5, "code": "sale_unknown"},
        ],
    }
    assert await world.due(tenant) == [1, 2, 3]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "retry", **WHY},
        {"action": "retry", "code": "no_rule", "bill_ids": [1], **WHY},
        {"action": "retry", "bill_ids": [], **WHY},
        {"action": "retry", "bill_ids": [0], **WHY},
        {"action": "retry", "bill_ids": [2**63], **WHY},
        {"action": "retry", "bill_ids": ["1"], **WHY},
        {"action": "delete", "bill_ids": [1], **WHY},
        {"action": "retry", "bill_ids": [1], "reason": "  "},
    ],
)
async def test_an_action_on_many_that_names_nothing_is_refused(world: World, body: Any) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.post(f"/tenants/{tenant}/sales/actions", body)

    assert (reply.status, reply.code) == (422, "invalid_request")


async def test_a_document_is_fetched_once_the_issuer_has_it(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, S.QUEUED)
    await world.sale(tenant, 2, S.ISSUING, nota="pending")
    path = f"/tenants/{tenant}/sales"
    (company,) = world.sandbox.enotas.companies.values()
    nota = world.sandbox.enotas.issue(company, f"p-{tenant}-2-1", {})

    none = await world.api.get(f"{path}/1/pdf")
    early = await world.api.get(f"{path}/2/pdf")
    nota.status = "Autorizada"
    pdf = await world.api.get(f"{path}/2/pdf")
    xml = await world.api.get(f"{path}/2/xml")

    assert (none.status, none.code) == (404, "no_nota")
    assert (early.status, early.code) == (409, "document_not_ready")
    assert (pdf.status, pdf.headers["Content-Type"]) == (200, "application/pdf")
    assert pdf.body.startswith(b"%PDF-")
    assert xml.status == 200
    assert xml.headers["Content-Type"] == "application/xml"
