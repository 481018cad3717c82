"""What is given out: to a customer all of theirs and nobody else's, to a tenant everything."""

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime

from shared.commands.privacy.erase import Subject
from shared.commands.privacy.tell_person import find_person, person_json, person_page
from shared.commands.privacy.tenant_zip import NOT_GIVEN, PAGE, tenant_zip
from shared.crypto import columns
from shared.crypto.columns import SEALED
from shared.db.tenants import tenants_store
from shared.db.tenants.tenants_store import Tenant
from shared.domain.ids import CustomerId
from tests.privacy.person import DORA, RUI, TENANT, Person, Rows

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def test_a_customer_is_told_all_of_theirs_and_nobody_elses(rows: Rows) -> None:
    await rows.everywhere(DORA, 4000)
    await rows.everywhere(RUI, 4100)
    await rows.nota_of_others(DORA, "77")
    await rows.nota_of_others(RUI, "78")

    text = (await told(rows, Subject(document="123.456.789-09"))).decode()

    said = json.loads(text)
    assert said["customer_ids"] == [DORA.customer_id]
    assert [sale["bill_id"] for sale in said["sales"]] == [4000, 4001, 4002, 4003]
    assert said["sales"][0]["customer"]["email"] == DORA.email
    assert said["sales"][0]["notas"][0]["sent"]["tomador"]["document"] == DORA.document
    assert said["sales"][0]["heard"][0]["type"] == "bill_paid"
    assert said["sales"][3]["status"] == "not_decided"
    assert [(one["number"], one["document"]) for one in said["notas_of_others"]] == [
        ("77", DORA.document)
    ]
    assert [one["type"] for one in said["heard"]] == ["customer_updated", "payment_profile_created"]
    assert not [word for word in RUI.words if word in text]


# What is sealed and about a customer is told, or is the same as what is, or is nobody's customer.
TOLD = {
    "bills.body",
    "sales.customer",
    "sales.unread",
    "notas.request",
    "notas.reason",
    "events.body",
    "foreign_notas.document",
}
NOT_TOLD = {
    "unknown_denials.reason": "the text of a nota's refusal, which is told with that nota",
    "backfill_bills.body": "of an import under way: told as bills once it ends",
    "backfill_customers.body": "of an import under way: told as customers once it ends",
    "idempotency_keys.response": "answers that show what is told, for a week",
    "erasures.who": "the same words, while an erasure runs",
    **dict.fromkeys(
        (
            "vindi_connections.api_key",
            "issuer_connections.api_key",
            "nota_connections.api_key",
            "webhook_secrets.sealed",
            "status_webhooks.secret",
        ),
        "a key",
    ),
    **dict.fromkeys(
        (
            "person_links.email",
            "people.email",
            "people.totp",
            "person_identities.identity",
        ),
        "of the tenant's people, who sign in",
    ),
}


async def test_of_every_sealed_column_is_known_whether_it_is_told(rows: Rows) -> None:
    """Each that is told is told by what stands in it alone."""
    await rows.sale(DORA, 4000, "issued")
    await rows.nota(DORA, 4000, "issued")
    await rows.event({"event": {"data": {"customer": DORA.at_vindi}}}, "customer_updated")
    await rows.nota_of_others(DORA, "77")
    await rows.pool.execute("UPDATE sales SET detail = 'dito na recusa'")

    said = json.loads(await told(rows, Subject(customer_id=CustomerId(DORA.customer_id))))

    assert {f"{one.table}.{one.column}" for one in SEALED} == TOLD | NOT_TOLD.keys()
    sale = said["sales"][0]
    shown = {
        "bills.body": sale["bill"],
        "sales.customer": sale["customer"],
        "sales.unread": sale["unread"],
        "notas.request": sale["notas"][0]["sent"],
        "notas.reason": sale["notas"][0]["refusal"],
        "events.body": said["heard"][0]["body"],
        "foreign_notas.document": said["notas_of_others"][0]["document"],
    }
    assert shown.keys() == TOLD
    assert all(DORA.document in json.dumps(value) for value in shown.values())
    assert sale["detail"] == "dito na recusa"


async def test_a_namesake_is_told_and_loses_nothing(rows: Rows) -> None:
    namesake = Person(
        customer_id=903,
        name=DORA.name,
        document="98765432100",
        email="outra@exemplo.example",
        phone="5511955555555",
    )
    await rows.everywhere(DORA, 4000)
    await rows.event({"event": {"data": {"customer": namesake.at_vindi}}}, "customer_created")

    text = (await told(rows, Subject(document=DORA.document))).decode()

    assert namesake.document not in text
    assert "customer_created" not in text


async def test_the_page_shows_the_same_and_runs_nothing_that_stands_in_it(rows: Rows) -> None:
    eve = Person(
        customer_id=7,
        name="<script>alert(1)</script> Fictícia",
        document="12345678909",
        email="eve@exemplo.example",
        phone="5511900000000",
    )
    await rows.everywhere(eve, 4000)

    page = (await told(rows, Subject(customer_id=CustomerId(7)), page=True)).decode()

    assert eve.email in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert page.count("<h2>Fatura") == 4


async def test_of_whom_nothing_is_kept_nothing_is_told(rows: Rows) -> None:
    await rows.everywhere(RUI, 4100)

    said = json.loads(await told(rows, Subject(document=DORA.document)))
    page = (await told(rows, Subject(document=DORA.document), page=True)).decode()

    assert said["sales"] == []
    assert "Nada é guardado" in page


async def test_a_tenant_is_given_everything_and_no_key(rows: Rows) -> None:
    await rows.everywhere(DORA, 4000)
    await rows.pool.execute(
        "INSERT INTO vindi_connections (tenant_id, environment, api_key, key_hint, merchant_name)"
        " VALUES ($1, 'production', $2, 'tkey', 'Escola')",
        TENANT,
        rows.sealed(columns.VINDI_KEY, b"a-secret-key"),
    )
    for bill in range(5000, 5000 + PAGE + 7):
        await rows.pool.execute(
            "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, state)"
            " VALUES ($1, $2, now(), 'webhook', 'settled')",
            TENANT,
            bill,
        )

    raw = b"".join(
        [piece async for piece in tenant_zip(rows.pool, rows.sealer, await of(rows), at=AT)]
    )

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifesto.json"])
    sales = [json.loads(line) for line in files["dados/sales.jsonl"].splitlines()]
    assert [sale["customer"]["registry_code"] for sale in sales] == [DORA.document] * 3
    assert files["dados/outbox.jsonl"].count(b"\n") == PAGE + 7 + 3
    assert files["fechamentos/2026-11.csv"].count(b"\n") >= 2
    assert b"a-secret-key" not in raw
    assert not [name for name in files if b"a-secret-key" in files[name]]
    assert "api_key" not in json.loads(files["dados/vindi_connections.jsonl"])
    assert not NOT_GIVEN & {name.removeprefix("dados/").removesuffix(".jsonl") for name in files}
    assert {one["name"]: one["sha256"] for one in manifest["files"]} == {
        name: hashlib.sha256(body).hexdigest()
        for name, body in files.items()
        if name != "manifesto.json"
    }
    assert "cinco anos" in files["LEIA-ME.txt"].decode()


async def told(rows: Rows, subject: Subject, *, page: bool = False) -> bytes:
    tenant = await of(rows)
    found = await find_person(rows.pool, rows.sealer, tenant, subject)
    write = person_page if page else person_json
    return b"".join([one async for one in write(rows.pool, rows.sealer, tenant, found, at=AT)])


async def of(rows: Rows) -> Tenant:
    async with rows.pool.acquire() as conn:
        found = await tenants_store.get(conn, TENANT)
    assert found is not None
    return found
