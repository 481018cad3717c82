"""Keys change: everything follows, in one step, and nothing is missed meanwhile."""

import base64
import json
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl

import pytest

from services.reconciler.mirror import foreign
from shared.config.secret import Secret
from shared.crypto import columns
from shared.crypto.columns import DENIAL_WORD
from shared.crypto.seal import TO_PURPOSE, TO_ROW, Sealer, UnsealError
from shared.crypto.sealed_words import open_words, seal_words
from shared.db.closing import foreign_notas_store
from shared.db.closing.foreign_notas_store import Candidate
from shared.db.connection import Pool
from shared.db.people import identities_store, people_store
from shared.db.sales import saved_filters_store, search_read
from shared.db.sales.sales_read import document_words
from shared.db.tenants import connections_store, issuers_store, tenants_store
from shared.domain.ids import BillId, IssuerNotaId, PersonId, TenantId
from shared.domain.money import Cents
from shared.domain.people import Person
from shared.issuer.interface import Phase, Snapshot
from shared.keys import KeysReplacedError, StillSealingError, WrongKeysError, prove_keys
from shared.ops.rotate import Rotated, rotate
from shared.ops.rotate_tables import TABLES, TOGETHER
from tests.support.statement_proxy import Statement, When, statement_proxy

TENANT = TenantId("tabcdefghij")
OLD, NEW, THIRD = (base64.urlsafe_b64encode(key * 32).decode() for key in (b"o", b"n", b"t"))
DOCUMENT = "12345678909"
CUSTOMER = b'{"id": 1, "registry_code": "123.456.789-09"}'
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def nothing(_table: str, _rows: int, _changed: int) -> None:
    return None


async def rotated(database: str, *keys: str) -> Rotated:
    return await rotate(database, keys, nothing, heard_after=NOW - NOW)


async def test_one_run_is_enough_and_the_old_key_may_go(pool: Pool, database: str) -> None:
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))

    first = await rotated(database, NEW, OLD)
    again = await rotated(database, NEW, OLD)
    alone = await rotated(database, NEW)

    new = Sealer.from_text([NEW])
    async with pool.acquire() as conn:
        found = await connections_store.get_vindi(conn, new, TENANT)
        word = await conn.fetchval("SELECT document_word FROM sales")
    assert found is not None
    assert found.api_key.reveal() == "a-vindi-key"
    assert (first.changed, again.changed, alone.changed) == (3, 0, 0)
    assert first.whole
    assert word == new.word(DOCUMENT, tenant=TENANT, purpose="document")


async def test_a_value_under_a_lost_key_stops_the_rotation_by_name(
    pool: Pool, database: str
) -> None:
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))

    with pytest.raises(UnsealError, match="not configured"):
        await rotated(database, NEW)


async def test_a_damaged_value_is_named_by_where_it_lies_and_keeps_no_other(
    pool: Pool, database: str
) -> None:
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))
    async with pool.acquire() as conn:
        await conn.execute("UPDATE sales SET customer = customer || '\\x00'::bytea")
        before = await conn.fetchrow("SELECT customer, document_word FROM sales")

    done = await rotated(database, NEW, OLD)

    async with pool.acquire() as conn:
        after = await conn.fetchrow("SELECT customer, document_word FROM sales")
        found = await connections_store.get_vindi(conn, Sealer.from_text([NEW]), TENANT)
    assert (done.changed, done.broken, done.whole) == (1, 1, True)
    assert done.named[0].startswith(f"sales.customer (tenant_id {TENANT}, bill_id ")
    assert found is not None
    assert after == before


@pytest.mark.parametrize("text", ['"zz"', '"abc"', '"01 02"', '""', "7", "[1]", '"\\u00e7"'])
async def test_a_kept_answer_that_is_no_hexadecimal_text_keeps_no_other(
    pool: Pool, database: str, text: str
) -> None:
    old = Sealer.from_text([OLD])
    await a_tenant_with_secrets(pool, old)
    whole = columns.KEPT_ANSWER.seal(old, TENANT, b"{}", "ana", "whole").hex()
    async with pool.acquire() as conn:
        await conn.executemany(
            "INSERT INTO idempotency_keys (tenant_id, actor, key, request_hash, status, response)"
            " VALUES ($1, 'ana', $2, '', 200, $3)",
            [
                (TENANT, "broken", {"sealed": json.loads(text)}),
                (TENANT, "whole", {"sealed": whole}),
            ],
        )

    done = await rotated(database, NEW, OLD)

    new = Sealer.from_text([NEW])
    async with pool.acquire() as conn:
        kept = {
            row["key"]: row["response"]["sealed"]
            for row in await conn.fetch("SELECT key, response FROM idempotency_keys")
        }
    assert kept["broken"] == json.loads(text)
    assert columns.KEPT_ANSWER.open(new, TENANT, bytes.fromhex(kept["whole"]), "ana", "whole")
    assert (done.broken, done.whole) == (1, True)
    assert done.named[0].startswith("idempotency_keys.response (tenant_id ")
    assert "key broken" in done.named[0]


NO_OBJECT = (b"[1]", b"null", b"7", b"no JSON", b"\xff\xfe", b'"text"', b"")


@pytest.mark.parametrize("plain", NO_OBJECT)
async def test_a_row_that_says_something_else_than_it_should_keeps_no_other(
    pool: Pool, database: str, plain: bytes
) -> None:
    """Whatever a sealed column says, in each table that makes a word of it."""
    old = Sealer.from_text([OLD])
    await a_tenant_with_secrets(pool, old)
    async with pool.acquire() as conn:
        bill = await conn.fetchval("SELECT bill_id FROM sales")
        odd = columns.CUSTOMER.seal(old, TENANT, plain, bill)
        await conn.execute("UPDATE sales SET customer = $1", odd)
        who = columns.ERASED_WHO.seal(old, TENANT, plain, "e0123456789")
        await conn.execute(
            "INSERT INTO erasures (tenant_id, erasure_id, ticket, reason, asked_by, asked_at,"
            " turn_at, document_word, who) VALUES ($1, 'e0123456789', 'x', 'x', 'Ana', now(),"
            " now(), $2, $3)",
            TENANT,
            bytes(32),
            who,
        )

    done = await rotated(database, NEW, OLD)

    new = Sealer.from_text([NEW])
    async with pool.acquire() as conn:
        sealed = await conn.fetchval("SELECT customer FROM sales")
        assert columns.CUSTOMER.open(new, TENANT, sealed, bill) == plain  # sealed anew all the same
        assert await conn.fetchval("SELECT document_word FROM erasures") == bytes(32)
        assert await connections_store.get_vindi(conn, new, TENANT) is not None
    assert all(place.startswith(("sales.", "erasures.")) for place in done.named)
    assert done.broken == len(done.named) == (0 if plain == b"" else 2)


@pytest.mark.parametrize("words", [[OLD], [NEW, OLD]])
async def test_people_find_their_accounts_before_while_and_after_keys_change(
    pool: Pool, database: str, words: list[str]
) -> None:
    before, while_, after = (Sealer.from_text(keys) for keys in (words, [NEW, OLD], [NEW]))
    ana = Person(id=PersonId("paaaaaaaaaa"), name="Ana", staff=None)
    twice = Person(id=PersonId("pbbbbbbbbbb"), name="Ana", staff=None)
    email = "ana@exemplo.com"
    async with pool.acquire() as conn:
        await people_store.add(conn, before, ana, email=email, password="-")
        await people_store.set_totp(conn, before, ana.id, "A" * 32, [])
        await identities_store.add(conn, before, "door|ana", ana.id, NOW)

        assert await people_store.by_email(conn, while_, email) is not None
        assert not await people_store.add(conn, while_, twice, email=email, password="-")
        assert await identities_store.find(conn, while_, "door|ana") == ana.id
        await identities_store.add(conn, while_, "door|ana", twice.id, NOW)

    await rotated(database, NEW, OLD)

    async with pool.acquire() as conn:
        found = await people_store.by_email(conn, after, email)
        assert await identities_store.find(conn, after, "door|ana") == ana.id
    assert found is not None
    assert (found.email, found.totp) == (email, "A" * 32)


async def test_a_copy_at_the_issuer_is_found_before_while_and_after_keys_change(
    pool: Pool, database: str
) -> None:
    old, both, new = (Sealer.from_text(keys) for keys in ([OLD], [NEW, OLD], [NEW]))
    await a_tenant_with_secrets(pool, old)
    await listed(pool, old, "n1")

    assert await copies(pool, both)
    assert await bills_of_document(pool, both)
    await rotated(database, NEW, OLD)
    assert await copies(pool, both)
    assert await copies(pool, new)
    assert await bills_of_document(pool, new)


async def test_a_list_kept_without_documents_is_read_again_before_the_old_key_may_go(
    pool: Pool, database: str
) -> None:
    old, both, new = (Sealer.from_text(keys) for keys in ([OLD], [NEW, OLD], [NEW]))
    await a_tenant_with_secrets(pool, old)
    async with pool.acquire() as conn:
        await prove_keys(conn, old)
        await connected(pool, old, "co-1")
        await conn.execute("UPDATE tenants SET status = 'active', active_from = now()")
        await foreign_notas_store.due_any_tenant(conn, limit=1)
        await conn.execute("UPDATE foreign_nota_marks SET listed_to = current_date")
    await listed(pool, old, "n1", documents=False)
    await listed(pool, old, "too-old-to-be-listed", documents=False)

    first = await rotated(database, NEW, OLD)
    assert (first.waiting, first.whole) == (1, False)
    assert await copies(pool, both), "nothing is missed meanwhile"
    with pytest.raises(WrongKeysError):
        async with pool.acquire() as conn:
            await prove_keys(conn, new)

    async with pool.acquire() as conn:
        assert await conn.fetchval("SELECT listed_to IS NULL FROM foreign_nota_marks")
    await listed(pool, both, "n1")
    async with pool.acquire() as conn:
        await foreign_notas_store.done(conn, TENANT, "co-1", (NOW.date(), NOW.date()), NOW - NOW)
    assert (await rotated(database, NEW, OLD)).whole
    assert await copies(pool, new)


async def test_denials_of_one_cause_stay_one_cause(pool: Pool, database: str) -> None:
    old, new = Sealer.from_text([OLD]), Sealer.from_text([NEW])
    await a_tenant_with_secrets(pool, old)
    groups = [cause(key, "Nao foi possivel") for key in (old, new)]
    async with pool.acquire() as conn:
        for number, group, sealer in ((1, groups[0], old), (2, groups[1], new)):
            sealed = columns.UNKNOWN_DENIAL.seal(sealer, TENANT, b"Nao foi possivel", group)
            await conn.execute(
                "INSERT INTO unknown_denials VALUES ($1, $2, $3, $4, $5, $6, $6)",
                TENANT, group, sealed, number, 10 * number, NOW,
            )  # fmt: skip

    await rotated(database, NEW, OLD)

    async with pool.acquire() as conn:
        rows = await conn.fetch("SELECT denial_group, reason, count FROM unknown_denials")
    [row] = rows
    assert (row["denial_group"], row["count"]) == (groups[1], 30)
    said = columns.UNKNOWN_DENIAL.open(new, TENANT, row["reason"], row["denial_group"])
    assert said == b"Nao foi possivel"


async def test_who_is_killed_in_the_middle_begins_again(pool: Pool, database: str) -> None:
    class KilledError(Exception):
        pass

    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))
    seen = 0
    while True:
        left = seen = seen + 1

        def tell(_table: str, _rows: int, _changed: int) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise KilledError

        try:
            done = await rotate(database, [NEW, OLD], tell, heard_after=NOW - NOW)
        except KilledError:
            continue
        break

    assert done.whole
    assert seen > len(TABLES)
    assert (await rotated(database, NEW)).changed == 0


@pytest.mark.parametrize("ended", [(OLD, NEW), (THIRD, NEW, OLD)], ids=["back", "on"])
@pytest.mark.parametrize("place", [len(TOGETHER) + 1, len(TABLES), len(TABLES) + len(TOGETHER) + 1])
async def test_one_that_was_stopped_writes_nothing_once_another_has_ended_under_another_key(
    pool: Pool, database: str, place: int, ended: tuple[str, ...]
) -> None:
    """Keys were rolled back, or gone on to a third: those of the stopped one may be gone by now."""
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))
    begun = 0

    async with statement_proxy(database) as proxy:

        async def look(one: Statement) -> None:
            nonlocal begun
            if one.when is When.UNHEARD and one.name == "rotate_walk.column_types":
                begun += 1
                if begun == place:  # so many tables in
                    assert (await rotated(database, *ended)).whole

        proxy.count_anew(look)
        with pytest.raises(KeysReplacedError, match="Another rotation has ended"):
            await rotated(proxy.url, NEW, OLD)

    alone = Sealer.from_text(ended[:1])
    async with pool.acquire() as conn:
        await prove_keys(conn, alone)
        found = await connections_store.get_vindi(conn, alone, TENANT)
        assert await conn.fetchval("SELECT count(*) FROM key_canaries") == 1
    assert found is not None
    assert found.api_key.reveal() == "a-vindi-key"
    assert (await rotated(database, *ended[:1])).broken == 0


async def test_a_service_that_goes_on_sealing_under_the_old_key_is_told_of(
    pool: Pool, database: str
) -> None:
    old = Sealer.from_text([OLD])
    await a_tenant_with_secrets(pool, old)
    async with pool.acquire() as conn:
        await prove_keys(conn, old)
        # Whatever a rotation seals, somebody seals afresh under the old key.
        await conn.execute("""
            CREATE FUNCTION as_before() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN NEW.customer := OLD.customer; RETURN NEW; END';
            CREATE TRIGGER as_before BEFORE UPDATE ON sales
                FOR EACH ROW EXECUTE FUNCTION as_before()
        """)

    with pytest.raises(StillSealingError, match="restart every service"):
        await rotated(database, NEW, OLD)

    async with pool.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM key_canaries") == 2
        await prove_keys(conn, Sealer.from_text([NEW, OLD]))


async def test_a_database_of_before_is_bound_to_rows_by_the_rotation_alone(
    pool: Pool, database: str
) -> None:
    before = Sealer.from_text([OLD])
    before.binds_rows = False
    await a_tenant_with_secrets(pool, before)
    service = Sealer.from_text([OLD])
    async with pool.acquire() as conn:
        await prove_keys(conn, service)
        assert not service.binds_rows, "code of before may still have to open what is sealed"
        assert (await forms(pool)) == {TO_PURPOSE}

        done = await rotated(database, OLD)

        assert done.changed == 2
        assert (await forms(pool)) == {TO_ROW}
        await prove_keys(conn, service)
        assert service.binds_rows


async def test_keys_of_left_companies_are_bound_to_their_own_rows(pool: Pool) -> None:
    sealer = Sealer.from_text([OLD])
    await a_tenant_with_secrets(pool, sealer)
    for company in ("co-1", "co-2"):
        await connected(pool, sealer, company)

    async with pool.acquire() as conn:
        issuers = await issuers_store.load(conn, sealer, TENANT)
        rows = await conn.fetch("SELECT api_key FROM nota_connections ORDER BY connection_id")
    assert [one.api_key.reveal() for one in issuers.left] == ["an-issuer-key"]
    assert len(rows) == 2
    with pytest.raises(UnsealError):
        columns.NOTA_CONNECTION_KEY.open(sealer, TENANT, rows[0]["api_key"], 2)


async def forms(pool: Pool) -> set[bytes]:
    async with pool.acquire() as conn:
        rows = await conn.fetch(
            "SELECT api_key FROM vindi_connections UNION ALL SELECT customer FROM sales"
        )
    return {row["api_key"][:1] for row in rows}


def cause(sealer: Sealer, normal: str) -> str:
    word = sealer.word(normal.lower(), tenant=TENANT, purpose=DENIAL_WORD)
    return f"denied_unknown-{word.hex()[:16]}"


async def connected(pool: Pool, sealer: Sealer, company: str) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await connections_store.put_issuer(
            conn,
            sealer,
            TENANT,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of("an-issuer-key"),
            company_id=company,
            company_name="Empresa",
            company_cnpj=None,
        )


async def listed(pool: Pool, sealer: Sealer, number: str, *, documents: bool = True) -> None:
    """A nota of somebody else, as the issuer lists it."""
    snapshot = Snapshot(
        issuer_id=IssuerNotaId(number),
        phase=Phase.ISSUED,
        raw_status="Autorizada",
        verification_code=None,
        has_pdf=False,
        has_xml=False,
        reason=None,
        created_at=None,
        changed_at=None,
        issued_at=None,
        external_id=None,
        environment="Producao",
        document=DOCUMENT,
        amount=Cents(100),
        competencia=date(2026, 11, 1),
        number=number,
    )
    nota = foreign(sealer, TENANT, snapshot)
    assert nota is not None
    async with pool.acquire() as conn:
        await foreign_notas_store.store(conn, TENANT, [nota])
        if not documents:  # as code of before wrote it
            await conn.execute(
                "UPDATE foreign_notas SET document = NULL WHERE issuer_id = $1", number
            )


async def copies(pool: Pool, sealer: Sealer) -> bool:
    """Whether the emitter would hold a sale of the same customer, amount and month."""
    candidates = [
        Candidate(
            bill_id=BillId(1),
            environment="Producao",
            document_word=word,
            amount=Cents(100),
            competencia=date(2026, 11, 2),
            moment_at=None,
        )
        for word in document_words(sealer, TENANT, DOCUMENT)
    ]
    async with pool.acquire() as conn:
        return bool(await foreign_notas_store.find_alike(conn, TENANT, candidates))


async def bills_of_document(pool: Pool, sealer: Sealer) -> bool:
    async with pool.acquire() as conn:
        found = await search_read.by_document_any_tenant(conn, sealer, DOCUMENT, limit=5)
    return [sale.bill_id for sale in found] == [1]


async def a_tenant_with_secrets(pool: Pool, sealer: Sealer) -> None:
    sealed = columns.CUSTOMER.seal(sealer, TENANT, CUSTOMER, 1)
    document = json.loads(CUSTOMER)["registry_code"].replace(".", "").replace("-", "")
    word = sealer.word(document, tenant=TENANT, purpose="document")
    async with pool.acquire() as conn:
        await tenants_store.add(
            conn, TENANT, name="Empresa", plan="pro", timezone="America/Sao_Paulo"
        )
        await connections_store.put_vindi(
            conn,
            sealer,
            TENANT,
            environment="sandbox",
            api_key=Secret.of("a-vindi-key"),
            merchant_name="Empresa",
            registry_code=None,
        )
        await conn.execute(
            "INSERT INTO sales"
            " (tenant_id, bill_id, status, amount, origin, customer, document_word)"
            " VALUES ($1, 1, 'issued', 100, 'webhook', $2, $3)",
            TENANT,
            sealed,
            word,
        )


async def test_what_a_named_list_searches_for_follows_the_keys(pool: Pool, database: str) -> None:
    old, new = Sealer.from_text([OLD]), Sealer.from_text([NEW])
    await a_tenant_with_secrets(pool, old)
    query = f"de=2026-11-01&b={seal_words(old, TENANT, 'Maria & filhos')}&situacao="
    async with pool.acquire() as conn:
        await saved_filters_store.put(conn, TENANT, "Maria", query, by="ana", now=NOW)

    await rotated(database, NEW, OLD)
    again = await rotated(database, NEW, OLD)

    async with pool.acquire() as conn:
        [kept] = await saved_filters_store.all_of(conn, TENANT)
    said = dict(parse_qsl(kept.query, keep_blank_values=True))
    assert open_words(new, TENANT, said.pop("b")) == "Maria & filhos"
    assert said == {"de": "2026-11-01", "situacao": ""}
    assert again.changed == 0
