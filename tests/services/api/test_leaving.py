"""A tenant that leaves gets nothing anew by which it is reached, read or issued for."""

from typing import Any

from services.reconciler.app import OPERATIONS
from tests.services.api.support import World, issuer_body

# Calls that give a tenant a key, an address or work, and what refuses them while it leaves: that
# it leaves, or that what they need was taken away with its keys.
REFUSED: dict[str, str] = {
    "connect_vindi": "departing",
    "connect_issuer": "departing",
    "new_webhook_secret": "departing",
    "new_issuer_webhook_secret": "departing",
    "put_status_webhook": "departing",
    "activate_tenant": "departing",
    "enter_shadow": "departing",
    "add_backfill": "setup_incomplete",
    "ask_test_nota": "issuer_not_connected",
    "try_status_webhook": "no_status_webhook",
    "resend_status_delivery": "no_status_webhook",
    "ask_departure": "departing",
}
# What its people may do with what is there until it is deleted; nothing of it leaves the house.
ALLOWED = {
    "change_tenant",
    "leave_shadow",
    "pause_tenant",
    "put_rps_series",
    "put_rule",
    "compare_rule",
    "preview_rule",
    "act_on_sales",
    "cancel_sale",
    "issue_sale",
    "release_sale",
    "hold_sale",
    "retry_sale",
    "search_sales",
    "retry_denials",
    "put_limits",
    "release_brake",
    "add_invitation",  # whoever is to take its data along, an accountant perhaps
    "erase_customer",
    "export_customer",
    "cancel_departure",
    "state_nota",
    "delete_status_webhook",
    "lock_closing",
    "unlock_closing",
    "check_closing",
    "accept_notas",
    "revoke_accepted_notas",
}
LEFT_TO_USE = """
    SELECT (SELECT count(*) FROM vindi_connections) + (SELECT count(*) FROM issuer_connections)
         + (SELECT count(*) FROM webhook_secrets WHERE NOT revoked)
         + (SELECT count(*) FROM status_webhooks)
         + (SELECT count(*) FROM backfills WHERE status IN ('queued', 'running'))
"""


def test_of_every_call_that_changes_something_is_said_whether_a_leaver_may() -> None:
    changing = {one.name for one in OPERATIONS if one.method != "GET" and "{tenant_id}" in one.path}

    assert changing == REFUSED.keys() | ALLOWED
    assert not REFUSED.keys() & ALLOWED


async def test_who_leaves_is_given_nothing_new(world: World) -> None:
    tenant = await world.active_tenant()
    account = world.sandbox.vindi.create_account()
    key = world.sandbox.enotas.create_key()
    company = world.sandbox.enotas.create_company(key=key.key)
    hook = {"url": "https://hooks.exemplo.com.br/notas"}
    leaving = {"name": "Escola Aurora", "reason": "contrato encerrado", "days": 30}
    past = {"since": "2026-01-01", "dry_run": True, "requested_by": "Ana", "reason": "atraso"}
    bodies: dict[str, Any] = {
        "connect_vindi": {"api_key": account.keys[0].key, "environment": "production"},
        "connect_issuer": issuer_body(key.key, company.id),
        "put_status_webhook": hook,
        "add_backfill": past,
        "ask_departure": leaving,
    }
    assert (await world.api.post(f"/tenants/{tenant}/departure", leaving)).status == 202

    refused = {}
    for one in OPERATIONS:
        if one.name in REFUSED:
            path = one.path.removeprefix("/internal/v1")
            path = path.replace("{tenant_id}", tenant).replace("{delivery_id}", "1")
            reply = await world.api.call(one.method, path, bodies.get(one.name))
            refused[one.name] = (reply.status, reply.code)

    assert refused == {name: (409, code) for name, code in REFUSED.items()}
    assert await world.pool.fetchval(LEFT_TO_USE) == 0
    assert await world.pool.fetchval("SELECT status FROM tenants") == "paused"
