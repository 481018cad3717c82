"""What the interface fixes, call by call, with exactly the bodies that it names."""

import asyncio
import base64
import io
from typing import Any

import pytest

from tests.outside.product import Refused, a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, this_month
from tests.outside.vindi.hookshot import as_text, event


async def tenants_and_connections(town: Town, shop: Shop) -> None:
    product = town.product
    body = {"name": "Outra", "plan": "basic", "timezone": "America/Manaus"}
    made = await product.call("POST", "/tenants", body)
    assert made["status"] == "setting_up"
    assert {key: made[key] for key in body} == body
    here = f"/tenants/{made['id']}"
    assert (await product.call("GET", here))["id"] == made["id"]
    changes = {"name": "Outra Ltda", "plan": "pro", "timezone": "America/Sao_Paulo"}
    for key, value in changes.items():
        assert (await product.call("PATCH", here, {key: value}))[key] == value
    with pytest.raises(Refused) as incomplete:
        await product.call("POST", f"{here}/activate")
    assert (incomplete.value.status, incomplete.value.code) == (409, "setup_incomplete")
    account = town.vindi.open_account(8000 + shop.account.seed)
    connect = {"api_key": account.key, "environment": "sandbox"}
    connected = await product.call("PUT", f"{here}/vindi", connect)
    assert connected["merchant"].keys() >= {"name", "registry_code"}
    assert connected["environment"] == "sandbox"
    assert account.key[-4:] in connected["key_hint"]
    assert account.key not in str(connected)
    assert connected["webhook_url"].startswith("http")
    assert isinstance(connected["warnings"], list)
    for how, code in (("errado", "vindi_key_refused"), ("estreito", "vindi_key_too_narrow")):
        account.refused = {"transactions"} if how == "estreito" else set()
        key = account.key if how == "estreito" else "errada-0000-0000-0000-000000000000"
        with pytest.raises(Refused) as refused:
            await product.call("PUT", f"{here}/vindi", {**connect, "api_key": key})
        assert (refused.value.status, refused.value.code) == (422, code), refused.value


async def secrets_are_made_anew(town: Town, shop: Shop) -> None:
    """The old address goes on for 72 hours, or ends at once."""
    old = shop.tenant.vindi_webhook
    made = await shop.tenant.call("POST", "/vindi/webhook-secret")
    assert made["webhook_url"] != old
    body = as_text({"event": {"type": "test", "data": {"quote": {"content": "x"}}}})
    assert [await _post(town, url, body) for url in (old, made["webhook_url"])] == [200, 200]
    last = await shop.tenant.call("POST", "/vindi/webhook-secret", {"revoke": True})
    known = (old, made["webhook_url"], last["webhook_url"])
    assert [await _post(town, url, body) for url in known] == [404, 404, 200]
    issuer = await shop.tenant.call("POST", "/issuer/webhook-secret", {"revoke": True})
    assert await _post(town, shop.tenant.issuer_webhook, b"{}") == 404
    assert await _post(town, issuer["webhook_url"], b"{}") == 200
    shop.hookshot.url = last["webhook_url"]
    town.enotas.hooks[shop.issuer_key].url = issuer["webhook_url"]
    shop.sold()
    await shop.tell()
    await shop.settled()


async def doors_of_the_webhook(town: Town, shop: Shop) -> None:
    base, _, secret = shop.tenant.vindi_webhook.rpartition("/")
    bill = shop.sold()
    body = as_text(event(shop.account, "bill_paid", bill))
    shop.account.news = []
    assert await _post(town, base, body, user=(shop.tenant.id, secret)) == 200
    assert await _post(town, base, body, user=(shop.tenant.id, "x" * len(secret))) == 404
    assert await _post(town, f"{base}/{'x' * len(secret)}", body) == 404
    assert await _post(town, shop.tenant.vindi_webhook, b"x" * (2**20 + 1)) == 413
    assert await _post(town, shop.tenant.vindi_webhook, b" " * 2**20) == 200
    assert await _post(town, shop.tenant.issuer_webhook, b"x" * (2**16 + 1)) == 413
    assert await _post(town, shop.tenant.issuer_webhook, b"x" * 2**16) == 200
    await shop.tenant.issued(bill["id"])


async def _post(town: Town, url: str, body: bytes, user: tuple[str, str] | None = None) -> int:
    headers = {"Content-Type": "application/json", "User-Agent": "Vindi-Hookshot/1.0"}
    if user is not None:
        word = base64.b64encode(":".join(user).encode()).decode()
        headers["Authorization"] = f"Basic {word}"
    async with town.http.post(url, data=io.BytesIO(body), headers=headers) as answer:
        return answer.status


async def issuers_and_what_they_refuse(town: Town, shop: Shop) -> None:
    other = town.enotas.open_company("b3V0cmE=", seed=7000 + shop.company.seed)
    body = {
        "kind": "enotas",
        "api_key": shop.issuer_key,
        "company_id": shop.company.id,
        "environment": "Producao",
    }
    said = await shop.tenant.call("PUT", "/issuer", body)
    assert said["company"] == {"name": shop.company.name, "cnpj": shop.company.cnpj}, said
    assert said.keys() >= {"status_webhook_url", "warnings"}
    missing = "00000000-0000-4000-8000-000000000000"
    for change, code in (
        ({"api_key": "ZXJyYWRh"}, "issuer_key_refused"),
        ({"company_id": missing}, "issuer_company_unknown"),
    ):
        with pytest.raises(Refused) as refused:
            await shop.tenant.call("PUT", "/issuer", {**body, **change})
        assert (refused.value.status, refused.value.code) == (422, code), refused.value
    other.missing = ["Certificado digital"]
    with pytest.raises(Refused) as refused:
        await shop.tenant.call(
            "PUT", "/issuer", {**body, "api_key": "b3V0cmE=", "company_id": other.id}
        )
    assert refused.value.code == "issuer_company_incomplete", refused.value
    assert "Certificado digital" in str(refused.value.body)


async def tests_that_are_owed_at_once(town: Town, shop: Shop) -> None:
    body = {
        "kind": "enotas",
        "api_key": shop.issuer_key,
        "company_id": shop.company.id,
        "environment": "Homologacao",
    }
    await shop.tenant.call("PUT", "/issuer", body)
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    live = {**body, "environment": "Producao", "test_sales": "issue"}
    await shop.tenant.call("PUT", "/issuer", live)
    async with asyncio.timeout(30):
        while not shop.company.valid():
            await asyncio.sleep(0.1)
    await shop.settled()
    await shop.balanced()


async def rules_and_previews(town: Town, shop: Shop) -> None:
    rule: dict[str, Any] = {
        "issue_when": "guarantee_ended",
        "guarantee_days": 7,
        "exceptions": [
            {
                "if": {
                    "product_code": ["EBOOK"],
                    "plan_code": [],
                    "payment_method_code": [],
                    "cycle": "any",
                    "customer_code": [],
                },
                "issue_when": "bill_paid",
            },
            {
                "if": {"product_code": ["CURSO"], "cycle": "first"},
                "issue_when": "guarantee_ended",
                "guarantee_days": 30,
            },
            {"if": {"customer_code": ["PARCEIRO-1"]}, "issue_when": "never"},
        ],
        "cancel_on_refund": True,
        "customer_document_missing": "hold",
        "customer_address_incomplete": "hold",
        "default_address": None,
        "competencia": None,
        "late_competencia": {"keep_until_day": 5, "then": "hold"},
        "send_email": True,
        "description": "{produtos} - fatura {fatura}, competência {competencia}",
        "service": {
            "municipal_code": "010700188",
            "lc116": "1.07",
            "cnae": None,
            "iss_rate": "2.00",
            "iss_withheld": False,
            "nbs": None,
            "national_code": None,
            "ibs_cbs": None,
        },
        "services_by_product_code": {"CURSO": {"municipal_code": "010700188"}},
    }
    said = await shop.tenant.call("PUT", "/rule", rule)
    assert said["version"] == 2, said
    assert (await shop.tenant.call("GET", "/rule"))["version"] == 2
    versions = await shop.tenant.call("GET", "/rule/versions")
    assert len(versions["items"]) == 2, versions
    preview = {"rule": a_rule(), "since": f"{this_month()}-01"}
    run = await shop.tenant.call("POST", "/rule/preview", preview)
    assert run["status"] in {"queued", "running"}, run
    health = await shop.tenant.call("GET", "/health")
    assert health.keys() >= {"status", "checks"}
    assert all(each.keys() >= {"code", "status", "since", "message"} for each in health["checks"])


async def what_a_pause_takes(town: Town, shop: Shop) -> None:
    """`{"reason"?}`: with one, with none, with no body."""
    for body in ({"reason": "auditoria"}, {}, None):
        paused = await shop.tenant.call("POST", "/pause", body)
        assert paused["status"] == "paused", paused
        active = await shop.tenant.call("POST", "/activate")
        assert active["status"] == "active", active
        assert active["active_from"], active


async def a_closing_has_its_fields(town: Town, shop: Shop) -> None:
    empty = await shop.tenant.closing(this_month())
    assert empty["vindi"]["read_at"] is None, empty
    bill = shop.sold("59.90")
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    closing = await shop.balanced()
    assert closing["month"] == this_month()
    assert closing["vindi"].keys() >= {"bills", "amount", "read_at", "missing"}
    assert (closing["vindi"]["bills"], closing["vindi"]["amount"]) == (1, "59.90")
    assert (closing["notas"]["bills"], closing["notas"]["amount"]) == (1, "59.90")
    assert closing["issuer"].keys() >= {"notas", "amount", "read_at", "differences"}
    assert (closing["exceptions"], closing["difference"]) == ([], "0.00")
    path = f"/closing/differences?month={this_month()}"
    assert (await shop.tenant.call("GET", path))["items"] == []
    found = await shop.tenant.call("GET", f"/sales?status=issued&q={bill['id']}&limit=1")
    assert [each["bill_id"] for each in found["items"]] == [bill["id"]], found


SCENES: tuple[Scene, ...] = (
    tenants_and_connections,
    secrets_are_made_anew,
    doors_of_the_webhook,
    issuers_and_what_they_refuse,
    tests_that_are_owed_at_once,
    rules_and_previews,
    what_a_pause_takes,
    a_closing_has_its_fields,
)
