"""The notas of each sale: the intent before the first request, and every state after it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.domain.denials import ON_CUSTOMER
from shared.domain.ids import BillId, ExternalId, IssuerNotaId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.statement import STATED_BY_PERSON


class KnownNota(Struct, frozen=True, kw_only=True):
    """The newest nota of a sale, or of one part of it."""

    bill_id: BillId
    part: int = 0  # 0: the whole bill
    revision: int
    external_id: ExternalId
    issuer_id: IssuerNotaId | None
    status: NotaStatus
    amount: Cents
    competencia: date
    request: bytes  # sealed, purpose "nota"
    lookups: int
    look_up_at: datetime | None
    resend: bool
    then_cancel: str | None
    denial: str | None
    changed_at: datetime | None
    sent_at: datetime | None
    cancel_sent_at: datetime | None
    sends: int
    auto_sends: int  # how often it was sent again by itself since a person last asked
    resend_at: datetime | None  # when a denied one is sent again by itself
    issued_at: datetime | None = None
    stated: bool = False  # a person says so, not the issuer


LOAD_NEWEST: Final = f"""
    -- notas_store.load_newest
    SELECT DISTINCT ON (bill_id, part) bill_id, part, revision, external_id, issuer_id, status,
           amount, competencia, request, lookups, look_up_at, resend, then_cancel, denial,
           changed_at, sent_at, cancel_sent_at, sends, auto_sends, resend_at, issued_at,
           coalesce(raw_status = '{STATED_BY_PERSON}', false) AS stated
      FROM notas WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id, part, revision DESC
"""  # noqa: S608 - only our own constant is put in


async def load_newest(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, KnownNota]:
    """Read the newest nota of each of these sales; sales without one are absent.

    Of a divided sale it is one that is not cancelled, if there is such a one.
    """
    found = await load_every_part(conn, tenant, bills)
    return {bill: liveliest(notas) for bill, notas in found.items()}


async def load_every_part(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, list[KnownNota]]:
    """Read the newest nota of every part of these sales; sales without one are absent."""
    found: dict[BillId, list[KnownNota]] = {}
    for row in await conn.fetch(LOAD_NEWEST, tenant, bills):
        nota = KnownNota(**{**dict(row), "status": NotaStatus(row["status"])})
        found.setdefault(nota.bill_id, []).append(nota)
    return found


def liveliest(notas: Sequence[KnownNota]) -> KnownNota:
    """The nota that speaks for a sale: one that is not cancelled, else the newest."""
    if len(notas) == 1:
        return notas[0]
    return max(notas, key=lambda one: (one.status is not NotaStatus.CANCELLED, one.revision))


class Intent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A nota about to be sent; `request` is the sealed draft."""

    bill_id: BillId
    part: int = 0
    revision: int
    external_id: ExternalId
    environment: str
    amount: Cents
    competencia: date
    request: bytes


# The same row serves a re-send after a denial: same id, next send. Any other live nota makes the
# insert fail on notas_one_live, which is the database's own refusal of a second one.
WRITE_INTENTS: Final = """
    -- notas_store.write_intents
    INSERT INTO notas AS n (tenant_id, bill_id, part, revision, external_id, environment, status,
                            amount, competencia, request, sent_at)
    SELECT $1, bill_id, coalesce(part, 0), revision, external_id, environment, 'sending', amount,
           competencia, request, now()
      FROM ROWS FROM (
               json_to_recordset($2::text::json)
                   AS (bill_id bigint, part smallint, revision int, external_id text,
                       environment text, amount bigint, competencia date),
               unnest($3::bytea[]))
           AS i (bill_id, part, revision, external_id, environment, amount, competencia, request)
        ON CONFLICT (tenant_id, bill_id, part, revision) DO UPDATE
       SET status = 'sending', amount = excluded.amount, competencia = excluded.competencia,
           request = excluded.request, sends = n.sends + 1,
           auto_sends = CASE WHEN n.resend OR n.denial = ANY($4::text[]) THEN 0
                              ELSE n.auto_sends + 1 END,
           resend = false, resend_at = NULL, then_cancel = NULL, raw_status = NULL, lookups = 0,
           look_up_at = NULL, sent_at = now()
     WHERE n.status = 'denied' AND n.external_id = excluded.external_id
 RETURNING bill_id
"""


async def write_intents(
    conn: Connection, tenant: TenantId, intents: Sequence[Intent]
) -> set[BillId]:
    """Write the intent of each nota before it is sent. Returns the sales that may be sent.

    Raises asyncpg.UniqueViolationError when a sale has another live nota.
    """
    if not intents:
        return set()
    requests = [intent.request for intent in intents]
    bare = [replace(intent, request=b"") for intent in intents]
    rows = await conn.fetch(WRITE_INTENTS, tenant, rows_json(bare), requests, ON_CUSTOMER)
    return {row["bill_id"] for row in rows}


class NotaUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The next state of one nota. None keeps what is stored; `reason` is sealed."""

    bill_id: BillId
    part: int = 0
    revision: int
    status: NotaStatus
    issuer_id: IssuerNotaId | None = None
    raw_status: str | None = None
    number: str | None = None
    verification_code: str | None = None
    has_pdf: bool | None = None
    has_xml: bool | None = None
    denial: str | None = None
    reason: bytes | None = None
    denial_group: str | None = None
    resend_at: datetime | None = None
    lookups: int = 0
    look_up_at: datetime | None = None
    then_cancel: str | None = None
    changed_at: datetime | None = None
    cancel_sent: bool = False


# Two movers write here, sender and follower. `cancelled` never moves back, and older news of the
# issuer never overwrites newer.
UPDATE: Final = """
    -- notas_store.update
    UPDATE notas n
       SET status = u.status,
           issuer_id = coalesce(u.issuer_id, n.issuer_id),
           raw_status = coalesce(u.raw_status, n.raw_status),
           number = coalesce(u.number, n.number),
           verification_code = coalesce(u.verification_code, n.verification_code),
           has_pdf = coalesce(u.has_pdf, n.has_pdf),
           has_xml = coalesce(u.has_xml, n.has_xml),
           denial = CASE WHEN u.status = 'denied' THEN u.denial END,
           reason = CASE WHEN u.status IN ('denied', 'cancel_refused')
                         THEN coalesce(decode(u.reason, 'base64'), n.reason) END,
           denial_group = CASE WHEN u.status = 'denied' THEN u.denial_group END,
           denied_at = CASE WHEN u.status = 'denied' THEN now() END,
           resend_at = CASE WHEN u.status = 'denied' THEN u.resend_at END,
           lookups = coalesce(u.lookups, 0),
           look_up_at = u.look_up_at,
           then_cancel = coalesce(u.then_cancel, n.then_cancel),
           changed_at = greatest(u.changed_at, n.changed_at),
           cancel_sent_at = CASE WHEN u.cancel_sent THEN now() ELSE n.cancel_sent_at END,
           issued_at = CASE WHEN u.status = 'issued' THEN coalesce(n.issued_at, now())
                            ELSE n.issued_at END,
           cancelled_at = CASE WHEN u.status = 'cancelled' THEN coalesce(n.cancelled_at, now())
                               ELSE n.cancelled_at END
      FROM json_to_recordset($3::text::json)
           AS u (bill_id bigint, part smallint, revision int, status text, issuer_id text,
                 raw_status text, number text, verification_code text, has_pdf boolean,
                 has_xml boolean, denial text, reason text, denial_group text,
                 resend_at timestamptz, lookups int, look_up_at timestamptz, then_cancel text,
                 changed_at timestamptz, cancel_sent boolean)
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.bill_id = u.bill_id
       AND n.part = coalesce(u.part, 0) AND n.revision = u.revision AND n.status <> 'cancelled'
       AND (u.changed_at IS NULL OR n.changed_at IS NULL OR u.changed_at >= n.changed_at)
 RETURNING n.bill_id
"""


async def update(conn: Connection, tenant: TenantId, updates: Sequence[NotaUpdate]) -> set[BillId]:
    """Move notas on. Returns the sales whose nota took the news; the rest knew better."""
    if not updates:
        return set()
    bills = [update.bill_id for update in updates]
    rows = await conn.fetch(UPDATE, tenant, bills, rows_json(updates))
    return {row["bill_id"] for row in rows}


# Only for a request that surely did not happen (refused key, no slot): the intent is taken back,
# so that the next try starts clean. A re-send falls back to its denial, which it still carries.
WITHDRAW: Final = """
    -- notas_store.withdraw_intents
    WITH back AS (
        UPDATE notas SET status = 'denied', denial = coalesce(denial, 'denied_unknown'),
               sends = sends - 1, resend = true
         WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends > 1
           AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
        RETURNING bill_id
    )
    DELETE FROM notas
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends = 1
       AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
 RETURNING created_at, amount
"""


async def withdraw_intents(
    conn: Connection, tenant: TenantId, intents: Sequence[tuple[BillId, int]]
) -> list[tuple[datetime, Cents]]:
    """Take back intents, each a bill and part, whose request surely never reached the issuer.

    Returns when those that were first ones had been written, and their amounts.
    """
    if not intents:
        return []
    bills, parts = [bill for bill, _ in intents], [part for _, part in intents]
    rows = await conn.fetch(WITHDRAW, tenant, bills, parts)
    return [(row["created_at"], row["amount"]) for row in rows]


NEWEST_REASON: Final = """
    -- notas_store.newest_reason
    SELECT reason FROM notas WHERE tenant_id = $1 AND bill_id = $2 AND reason IS NOT NULL
       AND status IN ('denied', 'cancel_refused')
     ORDER BY revision DESC, part LIMIT 1
"""


async def newest_reason(conn: Connection, tenant: TenantId, bill: BillId) -> bytes | None:
    """The issuer's own words about a refusal that stands, sealed (purpose "reason")."""
    reason: bytes | None = await conn.fetchval(NEWEST_REASON, tenant, bill)
    return reason
