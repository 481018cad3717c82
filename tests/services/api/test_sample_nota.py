"""One nota of the test environment, by one call."""

from services.sandbox.vindi import operations
from tests.services.api.support import RULE, World, issuer_body


async def test_one_call_makes_one_test_nota_of_a_real_bill(world: World) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}/test-nota"
    nothing = await world.api.post(path)
    account = world.sandbox.vindi.create_account()
    key = world.sandbox.enotas.create_key()
    company = world.sandbox.enotas.create_company(key=key.key)
    connected = {"api_key": account.keys[0].key, "environment": "production"}
    await world.api.put(f"/tenants/{tenant}/vindi", connected)
    await world.api.put(f"/tenants/{tenant}/issuer", issuer_body(key.key, company.id))
    no_rule = await world.api.post(path)
    await world.api.put(f"/tenants/{tenant}/rule", RULE)
    no_bill = await world.api.post(path)
    product = operations.create_product(account, code="PLANO")
    customer = operations.create_customer(
        account, name="Dora Lima", registry_code="12345678909", address=ADDRESS
    )
    bill = operations.sale(
        account,
        customer_id=customer.id,
        lines=[{"product_id": product.id, "amount": "179.90"}],
        paid=True,
        events=False,
    )
    once = {"Idempotency-Key": "k-1"}

    made = await world.api.post(path, {"bill_id": bill.id}, headers=once)
    again = await world.api.post(path, {"bill_id": bill.id}, headers=once)
    lost = await world.api.post(path, {"bill_id": 999_999})
    early = await world.api.get(f"{path}/{made.body['external_id']}/pdf")
    world.sandbox.clock.advance(3600)
    seen = await world.api.get(f"{path}/{made.body['external_id']}")
    pdf = await world.api.get(f"{path}/{made.body['external_id']}/pdf")
    other = await world.api.get(f"{path}/h-{tenant}-{bill.id}-1")

    assert (nothing.status, nothing.code) == (409, "issuer_not_connected")
    assert (no_rule.status, no_rule.code) == (409, "no_rule")
    assert (no_bill.status, no_bill.code) == (409, "no_bill_yet")
    assert made.status == 202
    assert made.headers["Location"].endswith(made.body["external_id"])
    assert again.body["external_id"] == made.body["external_id"]
    assert (lost.status, lost.code) == (404, "bill_not_found")
    assert (early.status, early.code) == (409, "document_not_ready")
    assert seen.body["state"] == "issued"
    assert pdf.status == 200
    assert (other.status, other.code) == (404, "test_nota_unknown")
    assert len(company.notas) == 1


ADDRESS = {
    "street": "Rua A",
    "number": "1",
    "zipcode": "01001000",
    "neighborhood": "Centro",
    "city": "São Paulo",
    "state": "SP",
    "country": "BR",
}
