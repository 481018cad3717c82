import hashlib

import pytest

from services.sandbox.run import Sandbox
from shared.crypto.tokens import hash_secret
from shared.db.connection import Pool
from shared.db.tenants import audit_store, connections_store, secrets_store
from shared.db.vindi.events_store import Source
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.api.support import RULE, Api, World, issuer_body


async def test_a_checked_vindi_key_is_stored_and_never_shown_again(
    world: World, sandbox: Sandbox
) -> None:
    tenant = await world.api.tenant()
    account = sandbox.vindi.create_account(name="Escola Aurora Ltda")
    key = account.keys[0].key

    reply = await world.api.put(
        f"/tenants/{tenant}/vindi", {"api_key": key, "environment": "sandbox"}
    )

    assert reply.status == 200
    assert reply.body["merchant"] == {
        "name": "Escola Aurora Ltda",
        "registry_code": "11222333000181",
    }
    assert reply.body["environment"] == "sandbox"
    assert reply.body["key_hint"] == key[-4:]
    assert reply.body["warnings"] == []
    assert reply.body["webhook_url"].startswith(f"https://hooks.example.test/v1/vindi/{tenant}-")
    assert key not in str(reply.body)
    stored = await world.column("SELECT api_key FROM vindi_connections")
    assert key.encode() not in stored[0]


async def test_the_stored_key_is_that_which_was_put(world: World, pool: Pool) -> None:
    tenant = await world.api.tenant()
    await world.connect_vindi(tenant)
    await world.connect_issuer(tenant)

    async with pool.acquire() as conn:
        stored = await connections_store.get(conn, world.sealer, tenant)

    assert stored.vindi is not None
    assert stored.vindi.api_key.reveal() in world.sandbox.vindi.keys
    assert stored.issuer is not None
    assert stored.issuer.api_key.reveal() in world.sandbox.enotas.keys


async def test_a_key_vindi_refuses_is_not_stored(world: World) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.put(
        f"/tenants/{tenant}/vindi", {"api_key": "not-a-key-of-vindi", "environment": "production"}
    )

    assert (reply.status, reply.code) == (422, "vindi_key_refused")
    assert await world.column("SELECT tenant_id FROM vindi_connections") == []


async def test_a_profile_that_is_too_narrow_says_which_read_failed(world: World) -> None:
    tenant = await world.api.tenant()
    account = world.sandbox.vindi.create_account()
    narrow = world.sandbox.vindi.add_key(account, denied={"transactions"})

    reply = await world.api.put(
        f"/tenants/{tenant}/vindi", {"api_key": narrow.key, "environment": "production"}
    )

    assert (reply.status, reply.code) == (422, "vindi_key_too_narrow")
    assert reply.body["missing"] == ["transactions"]


async def test_a_blocked_account_is_told_apart(world: World) -> None:
    tenant = await world.api.tenant()
    account = world.sandbox.vindi.create_account()
    account.faults.change({"blocked": True})

    reply = await world.api.put(
        f"/tenants/{tenant}/vindi", {"api_key": account.keys[0].key, "environment": "production"}
    )

    assert (reply.status, reply.code) == (422, "vindi_account_blocked")


async def test_the_webhook_address_stays_until_a_new_one_is_asked_for(
    world: World, pool: Pool
) -> None:
    tenant = await world.api.tenant()
    first = (await world.connect_vindi(tenant)).body["webhook_url"]
    assert (await world.connect_vindi(tenant)).body["webhook_url"] == first

    made = await world.api.post(f"/tenants/{tenant}/vindi/webhook-secret")

    second = made.body["webhook_url"]
    assert made.status == 201
    assert second != first
    assert (await world.connect_vindi(tenant)).body["webhook_url"] == second
    async with pool.acquire() as conn:
        valid = await secrets_store.find_hashes_of_many(conn, [(tenant, "vindi")])
    assert set(valid[tenant, "vindi"].valid) == {_hash(first), _hash(second)}
    left = await world.column(
        "SELECT extract(epoch FROM expires_at - now()) / 3600 FROM webhook_secrets"
        " WHERE expires_at IS NOT NULL"
    )
    assert [round(hours) for hours in left] == [72]


@pytest.mark.parametrize(("side", "source"), [("vindi", "vindi"), ("issuer", "enotas")])
async def test_an_address_that_leaked_ends_at_once_and_so_does_the_one_before_it(
    world: World, pool: Pool, side: str, source: Source
) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}/{side}/webhook-secret"
    for _ in range(2):
        await world.api.post(path)

    made = await world.api.post(path, {"revoke": True})

    assert made.status == 201
    async with pool.acquire() as conn:
        known = (await secrets_store.find_hashes_of_many(conn, [(tenant, source)]))[tenant, source]
        audit = await audit_store.newest_first(conn, tenant, before=None, limit=1)
    assert known.valid == (_hash(made.body["webhook_url"]),)
    assert known.former == ()
    assert (audit[0].action, audit[0].actor) == (f"{side}_webhook_secret_revoked", "support")


async def test_a_new_address_is_not_made_twice_for_one_key(world: World) -> None:
    tenant = await world.api.tenant()
    path, headers = f"/tenants/{tenant}/vindi/webhook-secret", {"Idempotency-Key": "once"}

    first = await world.api.post(path, headers=headers)
    again = await world.api.post(path, headers=headers)

    assert again.body == first.body
    kept = await world.column("SELECT response::text FROM idempotency_keys")
    assert first.body["webhook_url"].rpartition("/")[2] not in kept[0]


async def test_another_vindi_account_is_warned_of(world: World) -> None:
    tenant = await world.api.tenant()
    await world.connect_vindi(tenant)
    other = world.sandbox.vindi.create_account(registry_code="99888777000166")

    reply = await world.api.put(
        f"/tenants/{tenant}/vindi", {"api_key": other.keys[0].key, "environment": "production"}
    )

    assert [warning["code"] for warning in reply.body["warnings"]] == ["vindi_account_changed"]


async def test_a_checked_issuer_is_stored(world: World) -> None:
    tenant = await world.api.tenant()

    reply = await world.connect_issuer(tenant)

    assert reply.status == 200
    assert reply.body["company"] == {"name": "Empresa Exemplo Ltda", "cnpj": "11222333000181"}
    assert f"/v1/enotas/{tenant}-" in reply.body["status_webhook_url"]
    again = await world.connect_issuer(tenant)
    assert again.body["status_webhook_url"] == reply.body["status_webhook_url"]


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("wrong key", "issuer_key_refused"),
        ("unknown company", "issuer_company_unknown"),
        ("company of another", "issuer_company_unknown"),
        ("incomplete company", "issuer_company_incomplete"),
    ],
)
async def test_an_issuer_that_cannot_issue_is_refused(world: World, case: str, code: str) -> None:
    enotas = world.sandbox.enotas
    key, other = enotas.create_key(), enotas.create_key()
    mine = enotas.create_company(key=key.key)
    foreign = enotas.create_company(key=other.key)
    incomplete = enotas.create_company(key=key.key, missing=["inscricaoMunicipal"])
    bodies = {
        "wrong key": issuer_body("bm90LWEta2V5", mine.id),
        "unknown company": issuer_body(key.key, "00000000-0000-4000-8000-00000000dead"),
        "company of another": issuer_body(key.key, foreign.id),
        "incomplete company": issuer_body(key.key, incomplete.id),
    }
    tenant = await world.api.tenant()

    reply = await world.api.put(f"/tenants/{tenant}/issuer", bodies[case])

    assert (reply.status, reply.code) == (422, code)
    assert await world.column("SELECT tenant_id FROM issuer_connections") == []


async def test_connecting_again_wakes_what_a_refused_key_stopped(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.HELD, code="vindi_key_refused")
    await world.sale(tenant, 2, SaleStatus.HELD, code="issuer_key_refused")
    await world.sale(tenant, 3, SaleStatus.HELD, code="customer_document_missing")

    await world.connect_vindi(tenant)
    vindi = await world.due(tenant)
    await world.connect_issuer(tenant)

    assert vindi == [1]
    assert await world.due(tenant) == [1, 2]


async def test_a_new_rule_has_every_unsent_sale_decided_again(world: World) -> None:
    tenant, other = await world.active_tenant(), await world.active_tenant("Outra Escola")
    await world.sale(other, 1, SaleStatus.QUEUED)
    await world.sale(tenant, 1, SaleStatus.WAITING_PAYMENT)
    await world.sale(tenant, 2, SaleStatus.IN_GUARANTEE)
    await world.sale(tenant, 3, SaleStatus.HELD, code="no_rule")
    await world.sale(tenant, 4, SaleStatus.HELD, code="held_by_person")
    await world.sale(tenant, 5, SaleStatus.SKIPPED, code="rule_never")
    await world.sale(tenant, 6, SaleStatus.SKIPPED, code="refunded")
    await world.sale(tenant, 7, SaleStatus.ISSUED, nota="issued")

    reply = await world.api.put(f"/tenants/{tenant}/rule", {**RULE, "issue_when": "never"})

    assert (reply.status, reply.body["version"]) == (200, 2)
    assert await world.due(tenant) == [1, 2, 3, 5]
    assert await world.due(other) == []


async def test_activating_again_wakes_what_the_pause_held(world: World) -> None:
    tenant = await world.active_tenant()
    await world.api.post(f"/tenants/{tenant}/pause")
    await world.sale(tenant, 1, SaleStatus.HELD, code="tenant_paused")
    await world.sale(tenant, 2, SaleStatus.SKIPPED, code="before_activation")

    await world.api.post(f"/tenants/{tenant}/activate")

    assert await world.due(tenant) == [1]


async def test_a_worker_in_the_middle_of_a_sale_looks_again_after_a_new_rule(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.QUEUED)
    await _lease(world, tenant)

    await world.api.put(f"/tenants/{tenant}/rule", RULE)

    sql = "SELECT (state, generation)::text FROM outbox WHERE tenant_id = $1"
    assert await world.column(sql, tenant) == ["(leased,2)"]


async def test_versions_of_a_rule_are_kept_with_who_put_them(api: Api) -> None:
    tenant = await api.tenant()
    path = f"/tenants/{tenant}/rule"
    assert (await api.get(path)).code == "no_rule"

    await api.put(path, RULE)
    second = await api.put(path, {"issue_when": "guarantee_ended", "guarantee_days": 7})

    assert (await api.get(path)).body == second.body
    assert second.body["rule"]["guarantee_days"] == 7
    page = (await api.get(f"{path}/versions?limit=1")).body
    rest = (await api.get(f"{path}/versions?limit=1&cursor={page['next']}")).body
    assert [item["version"] for item in page["items"] + rest["items"]] == [2, 1]
    assert rest["next"] is None
    assert page["items"][0]["created_by"] == "support"


async def test_versions_of_a_rule_for_thousands_of_customers_come_a_few_at_a_time(
    api: Api, pool: Pool
) -> None:
    tenant = await api.tenant()
    path = f"/tenants/{tenant}/rule"
    codes = [hashlib.sha256(b"%d" % number).hexdigest()[:24] for number in range(4000)]
    customers = {code: {"iss_withheld": True} for code in codes}
    assert (await api.put(path, {**RULE, "customers": customers})).status == 200
    await pool.execute(
        "INSERT INTO rule_versions (tenant_id, version, rule, created_by)"
        " SELECT tenant_id, version + more, rule, created_by"
        " FROM rule_versions, generate_series(1, 4) AS more WHERE tenant_id = $1",
        tenant,
    )

    pages = [(await api.get(f"{path}/versions?limit=200")).body]
    while cursor := pages[-1]["next"]:
        pages.append((await api.get(f"{path}/versions?limit=200&cursor={cursor}")).body)
    seen = [item["version"] for page in pages for item in page["items"]]

    assert seen == [5, 4, 3, 2, 1]
    assert max(len(page["items"]) for page in pages) < 5


async def test_a_rule_that_cannot_be_is_refused(api: Api) -> None:
    path = f"/tenants/{await api.tenant()}/rule"

    no_days = await api.put(path, {"issue_when": "guarantee_ended"})
    unknown = await api.put(path, {**RULE, "description": "{nada}"})
    nul = await api.put(path, {**RULE, "description": "a\u0000b"})
    typed = await api.put(path, {**RULE, "send_email": "yes"})
    key = await api.put(path, {**RULE, "services_by_product_code": {"a\u0000": {}}})
    mixed = await api.put(path, {**RULE, "mixed_services": "sometimes"})

    assert [r.status for r in (no_days, unknown, nul, typed, key, mixed)] == [422] * 6
    assert mixed.body["errors"][0]["field"] == "mixed_services"
    assert "guarantee_days" in no_days.body["errors"][0]["message"]
    assert typed.body["errors"][0]["field"] == "send_email"


async def test_health_names_the_connection_that_is_blocked(world: World, pool: Pool) -> None:
    tenant = await world.active_tenant()
    well = await world.api.get(f"/tenants/{tenant}/health")
    async with pool.acquire() as conn:
        await connections_store.block(conn, tenant, "vindi", "vindi_key_refused")

    ill = await world.api.get(f"/tenants/{tenant}/health")

    assert well.body["status"] == "ok"
    assert ill.body["status"] == "broken"
    checks = {check["code"]: check["status"] for check in ill.body["checks"]}
    assert {code for code, status in checks.items() if status != "ok"} == {
        "vindi_connection",
        "vindi_key",
    }


async def test_a_replaced_connection_is_not_blocked_for_the_one_before(
    world: World, pool: Pool
) -> None:
    tenant = await world.api.tenant()
    await world.connect_vindi(tenant)
    async with pool.acquire() as conn:
        old = await connections_store.get_vindi(conn, world.sealer, tenant)
    await world.connect_vindi(tenant)

    async with pool.acquire() as conn:
        assert old is not None
        marked = await connections_store.block(
            conn, tenant, "vindi", "vindi_key_refused", connected_at=old.state.connected_at
        )
        now = await connections_store.get_vindi(conn, world.sealer, tenant)

    assert not marked
    assert now is not None
    assert not now.state.blocked


async def _lease(world: World, tenant: TenantId) -> None:
    async with world.pool.acquire() as conn:
        await conn.execute(
            "UPDATE outbox SET state = 'leased', lease_until = now() + interval '1 minute'"
            " WHERE tenant_id = $1",
            tenant,
        )


def _hash(url: str) -> bytes:
    return hash_secret(url.rpartition("/")[2])


async def test_an_account_whose_notas_vindi_issues_already_is_warned_of(world: World) -> None:
    tenant = await world.api.tenant()
    account = world.sandbox.vindi.create_account()
    account.canned["/invoices"] = (200, b'{"invoices":[{"id":1}]}', "application/json")

    reply = await world.api.put(
        f"/tenants/{tenant}/vindi", {"api_key": account.keys[0].key, "environment": "production"}
    )

    assert [warning["code"] for warning in reply.body["warnings"]] == ["vindi_issues_already"]


async def test_another_company_frees_a_sale_whose_buyer_was_the_seller(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.HELD, code="denied_document")
    await world.sale(tenant, 2, SaleStatus.HELD, code="denied_address")
    await world.settle_all(tenant)

    reply = await world.connect_issuer(tenant)

    assert reply.status == 200
    assert await world.due(tenant) == [1]
