import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.reconciler.api.tenants import TenantNew
from shared.crypto.columns import REQUEST_WORD
from shared.crypto.seal import Sealer
from shared.db.tenants.audit_store import NO_TENANT
from tests.services.api.support import RULE, TOKEN, Api, World

DAY = timedelta(days=1)


async def test_a_tenant_is_added_shown_listed_and_changed(api: Api) -> None:
    body = {"name": "  Escola Aurora  ", "plan": "basic"}
    added = await api.post("/tenants", body)

    assert added.status == 201
    assert added.body["name"] == "Escola Aurora"
    assert added.body["timezone"] == "America/Sao_Paulo"
    assert added.body["status"] == "setting_up"
    one = f"/tenants/{added.body['id']}"
    assert added.headers["Location"] == f"/internal/v1{one}"

    changed = await api.call("PATCH", one, {"plan": "pro", "timezone": "America/Manaus"})

    assert changed.body == {**added.body, "plan": "pro", "timezone": "America/Manaus"}
    assert (await api.get(one)).body == changed.body
    assert (await api.get("/tenants")).body == {"items": [changed.body], "next": None}


async def test_a_list_goes_on_where_it_ended(api: Api) -> None:
    ids = [await api.tenant(f"Escola {number}") for number in range(5)]
    seen = []

    cursor = ""
    while True:
        page = (await api.get(f"/tenants?limit=2{cursor}")).body
        seen += [tenant["id"] for tenant in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert seen == ids


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "plan": "basic"}, "name"),
        ({"name": "   ", "plan": "basic"}, "name"),
        ({"name": "a" * 201, "plan": "basic"}, "name"),
        ({"name": "a\u0000b", "plan": "basic"}, "name"),
        ({"name": "a\nb", "plan": "basic"}, "name"),
        ({"name": 7, "plan": "basic"}, "name"),
        ({"name": "Aurora"}, "plan"),
        ({"name": "Aurora", "plan": "gold"}, "plan"),
        ({"name": "Aurora", "plan": "basic", "timezone": "Mars/Base"}, "timezone"),
        ({"name": "Aurora", "plan": "basic", "timezone": "../../etc/passwd"}, "timezone"),
        ({"name": "Aurora", "plan": "basic", "color": "blue"}, "color"),
        ([], ""),
    ],
)
async def test_what_no_tenant_can_be_is_refused_and_the_field_named(
    api: Api, body: Any, field: str
) -> None:
    reply = await api.post("/tenants", body)

    assert reply.status == 422
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.code == "invalid_request"
    assert [error["field"] for error in reply.body["errors"]] == [field]


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_json"),
        (b"\xff\xfe", "application/json", 400, "malformed_json"),
        (b'{"name":"\\ud800","plan":"pro"}', "application/json", 400, "malformed_json"),
        (b"[" * 100_000, "application/json", 400, "malformed_json"),
        (b"1" * 10_000, "application/json", 400, "malformed_json"),
        (b"", "application/json", 400, "malformed_json"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "not_json"),
        (b" " * 300_000, "application/json", 413, "body_too_long"),
    ],
)
async def test_bodies_that_are_no_request_are_told_apart(
    api: Api, data: bytes, content_type: str, status: int, code: str
) -> None:
    reply = await api.post("/tenants", data=data, headers={"Content-Type": content_type})

    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/tenants/", 404, "not_found"),
        ("DELETE", "/tenants", 405, "method_not_allowed"),
        ("TRACE", "/tenants", 405, "method_not_allowed"),
        ("GET", "/tenants/t000000000x", 404, "tenant_unknown"),
        ("GET", "/tenants/%00", 404, "tenant_unknown"),
        ("GET", "/tenants?limit=0", 422, "invalid_request"),
        ("GET", "/tenants?limit=201", 422, "invalid_request"),
        ("GET", "/tenants?cursor=%00", 422, "invalid_request"),
        ("GET", "/tenants?cursor=abc", 422, "invalid_request"),
        ("GET", "/tenants?limt=5", 422, "invalid_request"),
    ],
)
async def test_what_is_not_there_is_said_in_the_same_form(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    reply = await api.call(method, path)

    assert (reply.status, reply.code) == (status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert {"status", "title", "detail", "code"} <= set(reply.body)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
async def test_without_a_token_of_ours_nothing_is_told(api: Api, header: str) -> None:
    reply = await api.call("GET", "/tenants", headers={"Authorization": header})

    assert (reply.status, reply.code) == (401, "unauthorized")
    assert reply.headers["WWW-Authenticate"] == "Bearer"


async def test_the_name_of_the_token_goes_to_the_audit(world: World) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}-2"}

    reply = await world.api.post("/tenants", {"name": "Aurora", "plan": "pro"}, headers=headers)

    sql = "SELECT actor FROM audit WHERE tenant_id = $1"
    assert await world.column(sql, reply.body["id"]) == ["other"]


async def test_the_same_key_and_body_add_one_tenant(api: Api) -> None:
    body, headers = {"name": "Aurora", "plan": "pro"}, {"Idempotency-Key": "k-1"}

    first = await api.post("/tenants", body, headers=headers)
    again = await api.post("/tenants", body, headers=headers)
    other = await api.post("/tenants", {**body, "name": "Boreal"}, headers=headers)

    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    assert (other.status, other.code) == (409, "idempotency_key_reused")
    assert len((await api.get("/tenants")).body["items"]) == 1


async def test_what_was_asked_is_found_again_and_by_nobody_who_only_tries_all(world: World) -> None:
    body, headers = {"name": "Aurora", "plan": "pro"}, {"Idempotency-Key": "k-1"}
    first = await world.api.post("/tenants", body, headers=headers)
    asked = "\n".join(("add_tenant", TenantNew(**body).model_dump_json(by_alias=True)))
    plain = hashlib.sha256(asked.encode()).digest()
    [kept] = await world.column("SELECT request_hash FROM idempotency_keys")

    await world.pool.execute("UPDATE idempotency_keys SET request_hash = $1", plain)  # as before
    again = await world.api.post("/tenants", body, headers=headers)
    other = await world.api.post("/tenants", {**body, "name": "Boreal"}, headers=headers)

    assert kept != plain
    assert kept == world.sealer.word(asked, tenant=NO_TENANT, purpose=REQUEST_WORD)
    assert (again.status, again.body) == (201, first.body)
    assert (other.status, other.code) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("harm", ["its key is gone", "it is damaged"])
async def test_what_was_done_is_not_done_again_where_its_answer_cannot_be_read(
    world: World, harm: str
) -> None:
    body, headers = {"name": "Aurora", "plan": "pro"}, {"Idempotency-Key": "k-1"}
    await world.api.post("/tenants", body, headers=headers)
    sealed = Sealer([b"g" * 32]).seal(b"{}", tenant=NO_TENANT, purpose="x").hex()
    sealed = sealed if harm == "its key is gone" else "none"
    async with world.pool.acquire() as conn:
        await conn.execute(
            "UPDATE idempotency_keys SET response = jsonb_set(response, '{sealed}', $1)", sealed
        )

    again = await world.api.post("/tenants", body, headers=headers)

    assert (again.status, again.code) == (409, "idempotency_answer_lost")
    assert len((await world.api.get("/tenants")).body["items"]) == 1


async def test_of_many_at_once_with_one_key_one_tenant_comes(api: Api) -> None:
    body, headers = {"name": "Aurora", "plan": "pro"}, {"Idempotency-Key": "k-1"}

    replies = await asyncio.gather(*(api.post("/tenants", body, headers=headers) for _ in range(8)))

    assert {reply.status for reply in replies} <= {201, 409}
    assert len({reply.body["id"] for reply in replies if reply.status == 201}) == 1
    assert {r.code for r in replies if r.status == 409} <= {"idempotency_key_running"}
    assert len((await api.get("/tenants")).body["items"]) == 1


async def test_activation_says_what_is_missing_in_any_order_of_set_up(world: World) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}"

    nothing = await world.api.post(f"{path}/activate")
    await world.api.put(f"{path}/rule", RULE)
    await world.connect_issuer(tenant)
    almost = await world.api.post(f"{path}/activate")
    await world.connect_vindi(tenant)
    done = await world.api.post(f"{path}/activate")

    assert (nothing.status, nothing.code) == (409, "setup_incomplete")
    assert nothing.body["missing"] == ["vindi", "issuer", "rule"]
    assert almost.body["missing"] == ["vindi"]
    assert (done.status, done.body["status"]) == (200, "active")


async def test_a_pause_keeps_the_first_activation(world: World) -> None:
    tenant = await world.active_tenant()
    path = f"/tenants/{tenant}"
    before = (await world.api.get(path)).body

    paused = await world.api.post(f"{path}/pause")
    again = await world.api.post(f"{path}/activate")

    assert paused.body["status"] == "paused"
    assert again.body["status"] == "active"
    assert again.body["active_from"] == before["active_from"]
    assert before["active_from"].endswith("Z")


async def test_a_pause_may_say_why_and_the_reason_is_kept(world: World) -> None:
    path = f"/tenants/{await world.active_tenant()}"

    paused = await world.api.post(f"{path}/pause", {"reason": "auditoria externa"})
    wordless = await world.api.post(f"{path}/pause", {})
    blank = await world.api.post(f"{path}/pause", {"reason": ""})
    since, until = datetime.now(UTC) - DAY, datetime.now(UTC) + DAY
    span = f"since={since:%Y-%m-%dT%H:%M:%SZ}&until={until:%Y-%m-%dT%H:%M:%SZ}"
    history = await world.api.get(f"{path}/activity?{span}")

    assert (paused.status, paused.body["status"]) == (200, "paused")
    assert (wordless.status, blank.status) == (200, 422)
    assert "auditoria externa" in str(history.body)


async def test_a_tenant_that_was_never_active_cannot_be_paused(api: Api) -> None:
    reply = await api.post(f"/tenants/{await api.tenant()}/pause")

    assert (reply.status, reply.code) == (409, "not_active")


async def test_shadow_mode_is_entered_left_and_ends_with_a_stated_day(world: World) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}"
    early = await world.api.post(f"{path}/shadow")
    await world.api.put(f"{path}/rule", RULE)
    await world.connect_issuer(tenant)
    await world.connect_vindi(tenant)

    entered = await world.api.post(f"{path}/shadow")
    paused = await world.api.post(f"{path}/pause")
    past = await world.api.post(
        f"{path}/backfills",
        {"since": "2026-01-01", "dry_run": False, "requested_by": "eu", "reason": "teste"},
    )
    left = await world.api.call("DELETE", f"{path}/shadow")
    twice = await world.api.call("DELETE", f"{path}/shadow")
    await world.api.post(f"{path}/shadow")
    today = datetime.now(UTC).date()
    too_early = await world.api.post(f"{path}/activate", {"since": str(today - DAY)})
    too_far = await world.api.post(f"{path}/activate", {"since": str(today + 400 * DAY)})
    dated = await world.api.post(f"{path}/activate", {"since": str(today + 5 * DAY)})
    moved = await world.api.post(f"{path}/activate", {"since": str(today + 3 * DAY)})
    again = await world.api.post(f"{path}/shadow")

    assert (early.status, early.code) == (409, "setup_incomplete")
    assert entered.body["status"] == "shadow"
    assert (paused.status, paused.code) == (409, "not_active")
    assert (past.status, past.code) == (409, "shadow_mode")
    assert (left.body["status"], left.body["shadow_from"]) == ("setting_up", None)
    assert (twice.status, twice.code) == (409, "not_in_shadow")
    assert (too_early.status, too_early.code) == (422, "since_not_ahead")
    assert (too_far.status, too_far.code) == (422, "since_too_far")
    assert dated.body["active_from"].startswith(f"{today + 5 * DAY}T03:00")
    assert moved.body["active_from"].startswith(f"{today + 3 * DAY}T03:00")
    assert moved.body["shadow_from"] is not None
    assert (again.status, again.code) == (409, "already_issuing")


async def test_no_day_is_taken_of_who_issues_already(world: World) -> None:
    tenant = await world.active_tenant()
    day = str(datetime.now(UTC).date() + 3 * DAY)

    reply = await world.api.post(f"/tenants/{tenant}/activate", {"since": day})

    assert (reply.status, reply.code) == (409, "already_issuing")
