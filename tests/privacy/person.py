"""A customer who stands everywhere in a tenant's rows, and another one beside."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from msgspec import json as msgjson

from shared.crypto import columns
from shared.crypto.columns import DOCUMENT_WORD, RowKey, SealedColumn
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.tenants import tenants_store
from shared.domain.ids import TenantId
from shared.domain.nota import NotaDraft, Service, Tomador
from shared.net.json_bytes import write_json
from tests.builders import an_address

TENANT = TenantId("tabcdefghij")
HEARD_AT = datetime(2026, 11, 10, 15, tzinfo=UTC)
NOW_YEAR = 2026


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    customer_id: int
    name: str
    document: str
    email: str
    phone: str

    @property
    def words(self) -> tuple[str, ...]:
        one = self.document
        written = f"{one[:3]}.{one[3:6]}.{one[6:9]}-{one[9:]}"
        return (self.name, one, written, self.email, self.phone)

    @property
    def at_vindi(self) -> dict[str, Any]:
        return {
            "id": self.customer_id,
            "name": self.name,
            "email": self.email,
            "registry_code": self.document,
            "code": f"cod-{self.document}",
            "metadata": {"apelido": self.name},
            "phones": [{"number": self.phone}],
            "address": {"street": "Rua das Amostras", "number": "100"},
        }


DORA = Person(
    customer_id=901,
    name="Dora Lima Fictícia",
    document="12345678909",
    email="dora@exemplo.example",
    phone="5511912345678",
)
RUI = Person(
    customer_id=902,
    name="Rui Souza Inventado",
    document="98765432100",
    email="rui@exemplo.example",
    phone="5511987654321",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Writes rows as services do, in few words."""

    pool: Pool
    sealer: Sealer
    tenant: TenantId = TENANT

    async def a_tenant(self) -> None:
        async with self.pool.acquire() as conn:
            await tenants_store.add(
                conn, self.tenant, name="Escola Aurora", plan="pro", timezone="America/Sao_Paulo"
            )

    def sealed(self, column: SealedColumn, value: Any, *key: RowKey) -> bytes:
        raw = value if isinstance(value, bytes) else write_json(value)
        return column.seal(self.sealer, self.tenant, raw, *key)

    async def bill(self, who: Person, bill: int, *, at: datetime = HEARD_AT) -> None:
        body = {
            "id": bill,
            "status": "paid",
            "amount": "100.0",
            "code": f"pedido de {who.name}",
            "customer": {key: who.at_vindi[key] for key in ("id", "name", "email", "code")},
            "created_at": "2026-11-09T12:00:00.000-03:00",
            "updated_at": "2026-11-10T12:00:00.000-03:00",
            "metadata": {"cpf": who.document},
            "bill_items": [
                {
                    "id": 1,
                    "amount": "100.0",
                    "quantity": 1,
                    "description": f"Aula para {who.name}",
                    "product": {"id": 7, "code": "PLANO", "name": "Plano"},
                }
            ],
            "charges": [
                {
                    "id": 50,
                    "status": "paid",
                    "amount": "100.0",
                    "paid_at": "2026-11-10T12:00:00.000-03:00",
                    "updated_at": "2026-11-10T12:00:00.000-03:00",
                    "payment_method": {"id": 1, "code": "credit_card", "name": "Cartão"},
                    "last_transaction": {
                        "created_at": "2026-11-10T12:00:00.000-03:00",
                        "transaction_type": "charge",
                        "status": "success",
                        "payment_profile": {"holder_name": who.name.upper()},
                    },
                }
            ],
        }
        await self.pool.execute(
            "INSERT INTO bills (tenant_id, bill_id, status, amount, moment_amount, customer_id,"
            " created_at, updated_at, paid_moment, body, read_at)"
            " VALUES ($1, $2, 'paid', 10000, 10000, $3, $4, $4, $4, $5, $6)"
            " ON CONFLICT (tenant_id, bill_id) DO UPDATE SET body = excluded.body,"
            " read_at = excluded.read_at",
            self.tenant,
            bill,
            who.customer_id,
            at,
            self.sealed(columns.BILL, body, bill),
            at,
        )

    async def sale(
        self,
        who: Person,
        bill: int,
        status: str,
        *,
        code: str | None = None,
        at: datetime = HEARD_AT,
    ) -> None:
        await self.bill(who, bill, at=at)
        word = self.sealer.word(who.document, tenant=self.tenant, purpose=DOCUMENT_WORD)
        await self.pool.execute(
            "INSERT INTO sales (tenant_id, bill_id, status, code, amount, moment_at, origin,"
            " customer_id, customer_name, document_word, customer, unread, competencia, detail)"
            " VALUES ($1, $2, $3, $4, 10000, $5, 'webhook', $6, $7, $8, $9, $10, '2026-11-10',"
            " $11)",
            self.tenant,
            bill,
            status,
            code,
            HEARD_AT,
            who.customer_id,
            who.name,
            word,
            self.sealed(columns.CUSTOMER, who.at_vindi, bill),
            self.sealed(columns.UNREAD, {"bill": who.at_vindi}, bill),
            f"recusado para {who.name}",
        )
        await self.pool.execute(
            "INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)"
            " VALUES ($1, $2, 'settled', $3, 'webhook')",
            self.tenant,
            bill,
            HEARD_AT,
        )
        await self.pool.execute(
            "INSERT INTO timeline (tenant_id, bill_id, what, why, by) VALUES ($1, $2, 'held_by',"
            " $3, 'Ana')",
            self.tenant,
            bill,
            f"{who.name.upper()} ({who.document}) pediu",
        )

    async def nota(
        self,
        who: Person,
        bill: int,
        status: str,
        *,
        environment: str = "Producao",
        competencia: date = date(2026, 11, 10),
    ) -> None:
        draft = NotaDraft(
            amount=10_000,  # type: ignore[arg-type]  # cents
            competencia=competencia,
            description=f"Plano, cliente {who.name}",
            tomador=Tomador(
                name=who.name,
                email=who.email,
                document=who.document,
                phone=who.phone,
                address=an_address(),
            ),
            service=Service(),
            send_email=True,
            more_emails=(f"outra-{who.email}",),
        )
        letter = "p" if environment == "Producao" else "h"
        await self.pool.execute(
            "INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, environment,"
            " amount, competencia, request, reason, denied_at)"
            " VALUES ($1, $2, 1, $3, $4, $5, 10000, $6, $7, $8, $9)",
            self.tenant,
            bill,
            f"{letter}-{self.tenant}-{bill}-1",
            status,
            environment,
            competencia,
            self.sealed(columns.REQUEST, msgjson.encode(draft), bill, 0, 1),
            self.sealed(columns.REASON, f"O CPF {who.document} de {who.name}".encode(), bill, 0, 1),
            HEARD_AT,
        )

    async def event(self, body: Any, kind: str, bill: int | None = None) -> None:
        number = uuid4()
        await self.pool.execute(
            "INSERT INTO events (tenant_id, event_id, source, type, bill_id, body)"
            " VALUES ($1, $2, 'vindi', $3, $4, $5)",
            self.tenant,
            number,
            kind,
            bill,
            self.sealed(columns.EVENT, body, number),
        )

    async def everywhere(self, who: Person, first: int) -> None:
        """An issued sale, a skipped one, a test, an open one, and what lies around them."""
        await self.sale(who, first, "issued")
        await self.nota(who, first, "issued")
        await self.sale(who, first + 1, "skipped", code="rule_never")
        await self.sale(who, first + 2, "skipped", code="refunded")
        await self.nota(who, first + 2, "issued", environment="Homologacao")
        await self.bill(who, first + 3)  # no sale yet
        for bill in range(first, first + 4):
            await self.event({"event": {"data": {"bill": who.at_vindi}}}, "bill_paid", bill)
        customer = {"event": {"data": {"customer": who.at_vindi}}}
        await self.event(customer, "customer_updated")
        profile = {"event": {"data": {"payment_profile": {"customer": {"id": who.customer_id}}}}}
        await self.event(profile, "payment_profile_created")
        await self.pool.execute(
            "INSERT INTO saved_filters (tenant_id, name_key, name, query, saved_by, saved_at)"
            " VALUES ($1, $2, $2, $3, 'Ana', now())",
            self.tenant,
            f"tudo de {first}",
            f"q={who.name.replace(' ', '+')}",
        )
        await self.pool.execute(
            "INSERT INTO unknown_denials (tenant_id, denial_group, reason, bill_id, count,"
            " first_at, last_at) VALUES ($1, $2, $3, $4, 1, now(), now())",
            self.tenant,
            f"group-{first}",
            self.sealed(columns.UNKNOWN_DENIAL, f"recusada: {who.name}".encode(), f"group-{first}"),
            first + 1,
        )
        await self.pool.execute(
            "INSERT INTO bulk_jobs (tenant_id, job_id, action, reason, about, asked_by, asked_at,"
            " once_word, bills, status, turn_at, ended_at)"
            " VALUES ($1, $2, 'retry', $3, $4, 'Ana', now(), $2, '{}', 'completed', now(), now())",
            self.tenant,
            f"j{first}",
            f"{who.name} pediu",
            f"vendas de {who.email}",
        )

    async def reasons(self, who: Person) -> None:
        """Why people of the company did what concerns many sales, or none."""
        why = f"Combinado com {who.name.upper()}, {who.email}"
        await self.pool.execute(
            "INSERT INTO accepted_notas (tenant_id, issuer_id, competencia, created_on, reason,"
            " accepted_by, accepted_at) SELECT $1, n::text, '2026-10-05', '2026-10-05', $2, 'Ana',"
            " now() FROM generate_series(1, 3) n",
            self.tenant,
            why,
        )
        await self.pool.execute(
            "INSERT INTO closing_locks (tenant_id, month, locked_by, reason, forced, figures)"
            " VALUES ($1, '2026-10-01', 'Ana', $2, true, '{}')",
            self.tenant,
            why,
        )
        await self.pool.execute(
            "INSERT INTO backfills (tenant_id, backfill_id, dry_run, since, competencia,"
            " requested_by, reason) VALUES ($1, 'b1', true, '2026-01-01', 'today', 'Ana', $2)",
            self.tenant,
            why,
        )
        await self.pool.execute(
            "INSERT INTO nota_connections (tenant_id, connection_id, kind, environment, api_key,"
            " key_hint, key_word, company_id, company_name)"
            " VALUES ($1, 1, 'enotas', 'Producao', $2, '', 'word', 'c1', 'Escola')",
            self.tenant,
            self.sealed(columns.NOTA_CONNECTION_KEY, b"key", 1),
        )
        await self.pool.execute(
            "INSERT INTO rps_series (tenant_id, connection_id, series, next_number, set_by, set_at,"
            " reason) VALUES ($1, 1, 'A', 7, 'Ana', now(), $2)",
            self.tenant,
            why,
        )
        await self.pool.execute(
            "INSERT INTO rule_versions (tenant_id, version, rule, created_by)"
            " VALUES ($1, 1, $2, 'Ana'), ($1, 2, '{}', 'Ana')",
            self.tenant,
            {"customers": {"C-1": {"observations": f"A cargo de {who.name}"}}},
        )

    async def nota_of_others(self, who: Person, number: str) -> None:
        word = self.sealer.word(who.document, tenant=self.tenant, purpose=DOCUMENT_WORD)
        await self.pool.execute(
            "INSERT INTO foreign_notas (tenant_id, issuer_id, environment, document_word, amount,"
            " competencia, number, valid, document)"
            " VALUES ($1, $2, 'Producao', $3, 10000, '2026-11-10', $2, true, $4)",
            self.tenant,
            number,
            word,
            self.sealed(columns.FOREIGN_DOCUMENT, who.document.encode(), number),
        )

    async def month_file(self, who: Person) -> None:
        await self.pool.execute(
            "INSERT INTO month_files (tenant_id, month, kind, state, asked_by, asked_at)"
            " VALUES ($1, '2026-11-01', 'xlsx', 'ready', 'Ana', now())",
            self.tenant,
        )
        await self.pool.execute(
            "INSERT INTO month_file_pieces (tenant_id, month, kind, attempt, place, piece)"
            " VALUES ($1, '2026-11-01', 'xlsx', 1, 1, $2)",
            self.tenant,
            who.name.encode(),
        )
