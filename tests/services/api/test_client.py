"""The typed client: written from the description, and understood by the API that runs."""

import json

import aiohttp
import pytest

from deploy.api_client import FOLDER, rendered
from shared.api_client.calls import InternalApiClient
from shared.api_client.transport import ApiAway, ApiTransport, CallRefused
from shared.domain.sale import SaleStatus
from tests.services.api.support import TOKEN, Api, World


@pytest.fixture
def client(api: Api) -> InternalApiClient:
    return InternalApiClient(transport=ApiTransport(base=api.base, http=api.http))


def test_the_client_is_the_one_that_the_description_gives() -> None:
    for name, text in rendered().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "python -m deploy.api_client"


async def test_a_tenant_is_added_shown_changed_and_found_in_the_list(
    client: InternalApiClient,
) -> None:
    added = await client.add_tenant(
        body={"name": "Escola Aurora", "plan": "pro"}, idempotency_key="aurora-1"
    )
    again = await client.add_tenant(
        body={"name": "Escola Aurora", "plan": "pro"}, idempotency_key="aurora-1"
    )
    changed = await client.change_tenant(added["id"], body={"plan": "basic"})
    listed = await client.list_tenants(limit=10)

    assert again == added
    assert (await client.get_tenant(added["id"])) == changed
    assert changed["plan"] == "basic"
    assert [one["id"] for one in listed["items"]] == [added["id"]]


async def test_sales_are_found_by_what_a_query_says(
    client: InternalApiClient, world: World
) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.ISSUED, nota="issued")
    await world.sale(tenant, 2, SaleStatus.HELD, code="no_rule")

    held = await client.list_sales(tenant, status="held")
    story = await client.get_sale(tenant, 2)

    assert [one["bill_id"] for one in held["items"]] == [2]
    assert story["code"] == "no_rule"


async def test_a_file_that_a_body_asks_for_comes_whole(
    client: InternalApiClient, world: World
) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.SKIPPED, code="rule_never", customer_id=901)

    told = await client.export_customer(tenant, body={"customer_id": 901, "ticket": "DESK-17"})

    assert json.loads(told)["sales"][0]["bill_id"] == 1


async def test_a_refusal_has_its_code_and_says_each_field(client: InternalApiClient) -> None:
    with pytest.raises(CallRefused) as unknown:
        await client.get_tenant("t0000000000")
    with pytest.raises(CallRefused) as invalid:
        await client.add_tenant(body={"name": "", "plan": "pro"})
    with pytest.raises(CallRefused) as strange:
        await client.get_tenant("a?c=d")  # stays in the path

    assert (unknown.value.status, unknown.value.code) == (404, "tenant_unknown")
    assert not isinstance(unknown.value, ApiAway)
    assert (invalid.value.status, invalid.value.code) == (422, "invalid_request")
    assert "name" in str(invalid.value)
    assert strange.value.code == "tenant_unknown"


async def test_a_file_that_is_not_there_is_refused_and_not_given_as_bytes(
    client: InternalApiClient, world: World
) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 2, SaleStatus.HELD, code="no_rule")
    with pytest.raises(CallRefused) as refused:
        await client.get_pdf(tenant, 2)
    assert refused.value.code == "no_nota"


async def test_nobody_at_the_address_is_away_and_keeps_the_token_to_itself() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        transport = ApiTransport(base="http://127.0.0.1:9", http=http)
        with pytest.raises(ApiAway) as away:
            await InternalApiClient(transport=transport).list_tenants()
    assert away.value.status == 0
    assert TOKEN not in f"{away.value}{transport!r}"
