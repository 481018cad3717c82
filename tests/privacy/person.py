"""A customer who stands everywhere in a tenant's rows, and another one beside."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from msgspec import json as msgjson

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

    def sealed(self, value: Any, purpose: str) -> bytes:
        raw = value if isinstance(value, bytes) else write_json(value)
        return self.sealer.seal(raw, tenant=self.tenant, purpose=purpose)

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
            self.sealed(body, "bill"),
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
        word = self.sealer.word(who.document, tenant=self.tenant, purpose="document")
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
            self.sealed(who.at_vindi, "customer"),
            self.sealed({"bill": who.at_vindi}, "unread"),
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
            self.sealed(msgjson.encode(draft), "nota"),
            self.sealed(f"O CPF {who.document} de {who.name}".encode(), "reason"),
            HEARD_AT,
        )

    async def event(self, body: Any, kind: str, bill: int | None = None) -> None:
        await self.pool.execute(
            "INSERT INTO events (tenant_id, source, type, bill_id, body)"
            " VALUES ($1, 'vindi', $2, $3, $4)",
            self.tenant,
            kind,
            bill,
            self.sealed(body, "event"),
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
            self.sealed(f"recusada: {who.name}".encode(), "reason"),
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
