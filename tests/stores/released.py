"""A database as the release before left it: revision 0012, filled by that release's own statements.

`statements_of_0012.sql` holds every statement that release had, word for word.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from services.emitter.drafts import draft_to_json
from services.sandbox.enotas.records import Company
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill
from services.sandbox.vindi.render import render
from shared.config.secret import Secret
from shared.db.connection import Connection, Pool
from shared.db.tenants.connections_store import issuer_key_word
from shared.domain.ids import TenantId
from shared.domain.money import Cents
from shared.domain.nota import IssuerEnvironment, NotaDraft, Service, Tomador
from shared.net.json_bytes import write_json
from tests.services.emitter.conftest import PRODUCT_CODE, SEALER, Desk

BRASILIA: Final = ZoneInfo("America/Sao_Paulo")  # whose day a nota's is

RELEASED: Final = "0012"
TEXT: Final = (Path(__file__).parent / "statements_of_0012.sql").read_text(encoding="utf-8")
SAID: Final = {
    one.partition("\n")[0].removeprefix("-- "): one for one in re.split(r"\n\n(?=-- )", TEXT)
}
AMOUNT: Final = 17_990
MONTH: Final = date(2026, 1, 1)  # locked
BACKFILL: Final = "b0000000001"

# How the issuer calls what it has of a nota; None: it never got it.
AtIssuer = Literal["Autorizada", "Negada", "AguardandoCancelamento", "Cancelada"] | None


@dataclass(frozen=True, kw_only=True)
class OldNota:
    """A nota as that release left it, and what the issuer has of it."""

    status: str
    at_issuer: AtIssuer = "Autorizada"
    letter: Literal["h", "p"] = "p"
    part: int = 0
    revision: int = 1
    amount: int = AMOUNT
    details: tuple[tuple[str, Any], ...] = ()  # of the statement that moved it on

    @property
    def environment(self) -> IssuerEnvironment:
        return "Producao" if self.letter == "p" else "Homologacao"

    def id_of(self, tenant: TenantId, bill: int) -> str:
        sale = f"{bill}x{self.part}" if self.part else f"{bill}"
        return f"{self.letter}-{tenant}-{sale}-{self.revision}"


@dataclass(frozen=True, kw_only=True)
class OldSale:
    """A sale as that release left it."""

    status: str
    code: str | None = None
    notas: Sequence[OldNota] = ()
    attention: str | None = None
    row: Literal["due", "leased", "settled"] = "settled"
    paid: bool = True
    paid_days_ago: int = 0
    divided: bool = False
    wish: str | None = None


def as_test(nota: OldNota) -> OldNota:
    return replace(nota, letter="h")


PENDING = OldNota(status="pending", details=(("raw_status", "AguardandoAutorizacao"),))
ISSUED = OldNota(
    status="issued", details=(("raw_status", "Autorizada"), ("number", "7"), ("has_pdf", True))
)
DENIED = OldNota(
    status="denied",
    at_issuer="Negada",
    details=(("raw_status", "Negada"), ("denial", "denied_certificate")),
)
BY_PERSON = (("then_cancel", "canceled_by_person"),)
CANCELLED = OldNota(
    status="cancelled", at_issuer="Cancelada", details=(*BY_PERSON, ("raw_status", "Cancelada"))
)

# By what they are, of a tenant that went live after it had tried out.
LIVE: Final[dict[str, OldSale]] = {
    "waiting": OldSale(status="waiting_payment", paid=False),
    "queued": OldSale(status="queued", row="due"),
    "sending": OldSale(
        status="issuing", notas=[OldNota(status="sending", at_issuer=None)], row="leased"
    ),
    "uncertain": OldSale(status="uncertain", notas=[OldNota(status="uncertain")], row="due"),
    "pending": OldSale(status="issuing", notas=[PENDING], row="due"),
    "issued": OldSale(status="issued", notas=[ISSUED]),
    "issued again": OldSale(status="issued", notas=[CANCELLED, replace(ISSUED, revision=2)]),
    "issued as a test": OldSale(status="issued", notas=[as_test(ISSUED)]),
    "pending as a test": OldSale(status="issuing", notas=[as_test(PENDING)], row="due"),
    "denied": OldSale(status="denied", code="denied_certificate", notas=[DENIED]),
    "denied as a test": OldSale(
        status="denied", code="denied_certificate", notas=[as_test(DENIED)]
    ),
    "cancelling": OldSale(
        status="cancelling",
        code="canceled_by_person",
        notas=[
            OldNota(
                status="cancelling",
                at_issuer="Cancelada",
                details=(*BY_PERSON, ("cancel_sent", True)),
            )
        ],
        row="due",
    ),
    "cancelled": OldSale(status="cancelled", code="canceled_by_person", notas=[CANCELLED]),
    "cancel refused": OldSale(
        status="cancel_refused",
        attention="cancel_refused",
        notas=[
            OldNota(
                status="cancel_refused",
                details=(*BY_PERSON, ("raw_status", "CancelamentoNegado")),
            )
        ],
    ),
    "held": OldSale(status="held", code="held_by_person", wish="hold"),
    "skipped": OldSale(status="skipped", code="before_activation", paid_days_ago=90),
    "divided": OldSale(
        status="issuing",
        divided=True,
        notas=[
            replace(ISSUED, part=1, amount=10_000),
            replace(PENDING, part=2, amount=7_990),
        ],
        row="due",
    ),
    "divided as a test": OldSale(
        status="denied",
        code="denied_certificate",
        divided=True,
        notas=[
            as_test(replace(ISSUED, part=1, amount=10_000)),
            as_test(replace(DENIED, part=2, amount=7_990)),
        ],
    ),
}
# Of one that still tries out.
TRYING: Final[dict[str, OldSale]] = {
    "issued": OldSale(status="issued", notas=[as_test(ISSUED)]),
    "pending": OldSale(status="issuing", notas=[as_test(PENDING)], row="due"),
    "denied": OldSale(status="denied", code="denied_certificate", notas=[as_test(DENIED)]),
}


REST: Final = {
    "due": "SELECT $1::text, $2::bigint",
    "leased": "UPDATE outbox SET state = 'leased', attempt = 1, leased_by = 'killed',"
    " lease_until = now() - interval '1 minute' WHERE tenant_id = $1 AND bill_id = $2",
    "settled": "UPDATE outbox SET state = 'settled', attempt = 1, bill_facts_read = bill_facts,"
    " heard_at = NULL WHERE tenant_id = $1 AND bill_id = $2",
}


async def add_tenant(
    conn: Connection,
    tenant: TenantId,
    account: Account,
    company: Company,
    environment: IssuerEnvironment,
) -> None:
    """A tenant at work, as calls and services of that release had set it up."""
    vindi, issuer = account.keys[0].key, company.key
    sealed = SEALER.seal(vindi.encode(), tenant=tenant, purpose="vindi_key")
    await conn.execute(SAID["tenants_store.add"], tenant, "Empresa", "pro", "America/Sao_Paulo")
    await conn.execute(
        SAID["connections_store.put_vindi"],
        tenant,
        "production",
        sealed,
        vindi[-4:],
        "Empresa",
        None,
    )
    await put_issuer(conn, tenant, company.id, issuer, environment)
    rule = {
        "issue_when": "bill_paid",
        "service": {"lc116": "1.07"},
        "services_by_product_code": {"EBOOK": {"lc116": "1.09"}},
    }
    await conn.execute(SAID["rules_store.add"], tenant, rule, "ana")
    await conn.execute(SAID["tenants_store.activate"], tenant)
    await conn.execute("UPDATE tenants SET active_from = now() - interval '60 days'")
    await conn.execute(SAID["passes_store.enrol_any_tenant"], timedelta(minutes=5))
    await conn.execute(SAID["brakes_store.put"], tenant, 500, None, None, True)


async def put_issuer(
    conn: Connection, tenant: TenantId, company: str, key: str, environment: IssuerEnvironment
) -> None:
    await conn.execute(
        SAID["connections_store.put_issuer"],
        tenant,
        "enotas",
        environment,
        SEALER.seal(key.encode(), tenant=tenant, purpose="issuer_key"),
        key[-4:],
        issuer_key_word(SEALER, Secret.of(key)),
        company,
        "Empresa",
        None,
    )


async def leave(pool: Pool, desk: Desk, sales: dict[str, OldSale]) -> dict[str, Bill]:
    """Make these sales at the stand-ins, and leave what that release had of them."""
    bills = {}
    for name, sale in sales.items():
        bills[name] = bill = _sold(desk, sale)
        for nota in sale.notas:
            _at_issuer(desk, bill, nota)
        async with pool.acquire() as conn, conn.transaction():
            await _leave_sale(conn, desk, bill, sale)
    return bills


def _sold(desk: Desk, sale: OldSale) -> Bill:
    ago = datetime.now(UTC) - timedelta(days=sale.paid_days_ago, minutes=5)
    lines = [(PRODUCT_CODE, "179.90")]
    if sale.divided:
        lines = [(PRODUCT_CODE, "100.00"), ("EBOOK", "79.90")]
    known = {one.code: one.id for one in desk.account.products.rows.values()}
    for code, _ in lines:
        if code not in known:
            known[code] = operations.create_product(desk.account, code=code).id
    when: dict[str, Any] = {"paid_at": ago.isoformat()} if sale.paid_days_ago else {}
    return desk.sell(
        lines=[{"product_id": known[code], "amount": amount} for code, amount in lines],
        paid=sale.paid,
        **when,
    )


def _at_issuer(desk: Desk, bill: Bill, nota: OldNota) -> None:
    if nota.at_issuer is None:
        return
    body = {
        "servico": {"descricao": "Plano"},
        "valorTotal": nota.amount / 100,
        "ambienteEmissao": nota.environment,
        "cliente": {"nome": "Cliente Fictício", "cpfCnpj": "12345678909"},
        "dataCompetencia": datetime.now(BRASILIA).isoformat(),
    }
    issuer = desk.sandbox.enotas
    asked = issuer.issue(desk.company, nota.id_of(desk.tenant, bill.id), body)
    issuer.machine.force(desk.company, asked, "Autorizada")
    if nota.at_issuer != "Autorizada":
        issuer.machine.force(desk.company, asked, nota.at_issuer, "Certificado vencido")


async def _leave_sale(conn: Connection, desk: Desk, bill: Bill, sale: OldSale) -> None:
    tenant = desk.tenant
    await conn.execute(*a_bill_row(desk, bill, sale))
    await conn.execute(*a_sale_row(tenant, bill, sale))
    if sale.divided:
        lines = [[line.id] for line in bill.lines]
        await conn.execute(
            SAID["sale_parts_store.divide write"],
            tenant,
            [bill.id, bill.id],
            [1, 2],
            [10_000, 7_990],
            ["{" + str(of[0]) + "}" for of in lines],
        )
    for nota in sale.notas:
        await conn.fetch(*an_intent(tenant, bill, nota))
        if nota.status != "sending":
            await conn.fetch(*an_update(desk, bill, nota))
    await conn.execute(
        SAID["outbox_store.mark_due"], [tenant], [bill.id], [0], ["webhook"], [True], [None]
    )
    await conn.execute(REST[sale.row], tenant, bill.id)
    if sale.wish:
        wished = "UPDATE sales SET wish = $3, wish_at = now() WHERE tenant_id = $1 AND bill_id = $2"
        await conn.execute(wished, tenant, bill.id, sale.wish)
    told = json.dumps([{"bill_id": bill.id, "what": sale.status, "why": "", "by": "emitter"}])
    await conn.execute(SAID["timeline_store.add"], tenant, told)


def a_bill_row(desk: Desk, bill: Bill, sale: OldSale) -> tuple[Any, ...]:
    raw = render(desk.account, bill)
    row = {
        "bill_id": bill.id,
        "status": raw["status"],
        "amount": AMOUNT,
        "moment_amount": AMOUNT,
        "customer_id": bill.customer_id,
        "created_at": raw["created_at"],
        "updated_at": raw["updated_at"],
        "created_moment": raw["created_at"],
        "paid_moment": raw["created_at"] if sale.paid else None,
        "recorded_at": raw["created_at"] if sale.paid else None,
        "refunds": {},
        "read_at": datetime.now(UTC).isoformat(),
        "charges_paid_at": [raw["created_at"]] if sale.paid else [],
    }
    body = SEALER.seal(write_json(raw), tenant=desk.tenant, purpose="bill")
    return SAID["bills_store.store"], desk.tenant, json.dumps([row]), [body]


def a_sale_row(tenant: TenantId, bill: Bill, sale: OldSale) -> tuple[Any, ...]:
    row = {
        "bill_id": bill.id,
        "status": sale.status,
        "code": sale.code,
        "attention": sale.attention,
        "amount": AMOUNT,
        "moment_at": datetime.now(UTC).isoformat() if sale.paid else None,
        "competencia": datetime.now(BRASILIA).date().isoformat() if sale.notas else None,
        "rule_version": 1,
        "origin": "webhook",
        "customer_id": bill.customer_id,
        "customer_name": "Cliente Fictício",
    }
    return SAID["sales_store.store"], tenant, json.dumps([row]), [None], [None]


def an_intent(tenant: TenantId, bill: Bill, nota: OldNota) -> tuple[Any, ...]:
    row = {
        "bill_id": bill.id,
        "part": nota.part,
        "revision": nota.revision,
        "external_id": nota.id_of(tenant, bill.id),
        "environment": nota.environment,
        "amount": nota.amount,
        "competencia": datetime.now(BRASILIA).date().isoformat(),
    }
    draft = SEALER.seal(draft_to_json(_draft(nota)), tenant=tenant, purpose="nota")
    return SAID["notas_store.write_intents"], tenant, json.dumps([row]), [draft], []


def an_update(desk: Desk, bill: Bill, nota: OldNota) -> tuple[Any, ...]:
    at_issuer = desk.company.by_external_id.get(nota.id_of(desk.tenant, bill.id))
    row = {
        "bill_id": bill.id,
        "part": nota.part,
        "revision": nota.revision,
        "status": nota.status,
        "issuer_id": at_issuer.id if at_issuer and nota.status != "uncertain" else None,
        **dict(nota.details),
    }
    return SAID["notas_store.update"], desk.tenant, [bill.id], json.dumps([row])


def _draft(nota: OldNota) -> NotaDraft:
    return NotaDraft(
        amount=Cents(nota.amount),
        competencia=datetime.now(BRASILIA).date(),
        description="Plano",
        tomador=Tomador(
            name="Cliente Fictício", email=None, document="12345678909", phone=None, address=None
        ),
        service=Service(lc116="1.07"),
        send_email=False,
    )


async def leave_the_rest(conn: Connection, tenant: TenantId, bill: Bill) -> None:
    """What hangs on no single sale: a closing that was locked, backfills, events, counts."""
    nothing = {"bills": 0, "amount": 0}
    figures = {"vindi": nothing, "notas": nothing, "exceptions": []}
    await conn.execute(
        SAID["closing_locks_store.add"], tenant, MONTH, "ana", "fechado", False, figures
    )
    asked = (tenant, BACKFILL, False, MONTH, None, "original", None, "ana", "histórico")
    await conn.execute(SAID["backfills_store.add"], *asked)
    await conn.fetch(SAID["backfills_store.claim"], tenant, BACKFILL, timedelta(0))
    await conn.execute(
        SAID["backfill_bills_store.add"],
        tenant,
        BACKFILL,
        [bill.id, 900_001],
        ["2026-01", "2026-01"],
        [AMOUNT, AMOUNT],
        ["known", "issue"],
        [None, None],
        [0, AMOUNT],
        [bill.customer_id, 1],
        ["[]", "[]"],
        [None, None],
        [None, None],
    )
    event: tuple[Any, ...] = ("vindi", "bill_paid", bill.id, datetime.now(UTC), None, {}, b"sealed")
    await conn.execute(SAID["events_store.add"], *([one] for one in (tenant, *event)))
    today = datetime.now(ZoneInfo("America/Sao_Paulo")).date()
    await conn.execute(SAID["brakes_store.count"], tenant, today, 9, 90_000, 0)
    await conn.execute(SAID["audit_store.add"], tenant, "ana", "rule", {"version": 1})
