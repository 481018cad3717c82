"""The intent of a nota, written before its first request, and taken back if that never left."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.db.sales import notas_store
from shared.db.sales.notas_store import KnownNota
from shared.domain.denials import ON_CUSTOMER
from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.money import NOTHING, Cents
from shared.domain.nota import (
    NEVER_ARRIVED,
    NOT_SUBSTITUTED,
    REAL,
    IssuerEnvironment,
    NotaStatus,
)
from shared.domain.parts import WHOLE


class Intent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A nota about to be sent; `request` is the sealed draft."""

    bill_id: BillId
    part: int = WHOLE
    revision: int
    external_id: ExternalId
    environment: IssuerEnvironment
    amount: Cents  # what the sale comes to
    total: Cents | None = None  # what the nota says as its total, where that is another
    competencia: date
    request: bytes
    connection_id: int | None = None  # where it is asked for
    round: int | None = None  # that it is one of; None: its revision
    substitutes: int | None = None  # the revision whose place it is to take
    rps_series: str | None = None  # that its number is of, where the company numbers by itself
    rps_number: int | None = None  # handed out in the transaction that writes the intent
    # What it says for the tax (FiscalFacts): null where the code that wrote it did not know.
    fiscal_class: str | None = None
    discount: Cents = NOTHING
    conditional_discount: Cents = NOTHING
    deductions: Cents = NOTHING
    iss: Cents | None = None
    pis_withheld: Cents = NOTHING
    cofins_withheld: Cents = NOTHING
    csll_withheld: Cents = NOTHING
    inss_withheld: Cents = NOTHING
    irrf_withheld: Cents = NOTHING


_FISCAL: Final = """
           fiscal_class, discount, conditional_discount, deductions, iss, pis_withheld,
           cofins_withheld, csll_withheld, inss_withheld, irrf_withheld
"""

# The same row serves a re-send after a denial, and a nota that the issuer never had and is wanted
# after all: same id, next send. Any other live nota makes the insert fail on
# notas_one_live_of_a_kind, which is the database's own refusal of a second one. And never under
# another connection than that it was born under: there it might become a second one.
WRITE_INTENTS: Final = f"""
    -- intents_store.write_intents
    INSERT INTO notas AS n (tenant_id, bill_id, part, revision, external_id, environment, status,
                            amount, total, competencia, request, sent_at, connection_id,
                            fiscal_sent_at,
                            round, substitutes, rps_series, rps_number, {_FISCAL})
    SELECT $1, bill_id, coalesce(part, 0), revision, external_id, environment, 'sending', amount,
           total, competencia, request, now(), connection_id, now(), round, substitutes,
           rps_series, rps_number, {_FISCAL}
      FROM ROWS FROM (
               json_to_recordset($2::text::json)
                   AS (bill_id bigint, part smallint, revision int, external_id text,
                       environment text, amount bigint, total bigint, competencia date,
                       connection_id int, round int, substitutes int,
                       rps_series text, rps_number bigint,
                       fiscal_class text, discount bigint, conditional_discount bigint,
                       deductions bigint, iss bigint, pis_withheld bigint, cofins_withheld bigint,
                       csll_withheld bigint, inss_withheld bigint, irrf_withheld bigint),
               unnest($3::bytea[]))
           AS i (bill_id, part, revision, external_id, environment, amount, total, competencia,
                 connection_id, round, substitutes, rps_series, rps_number, {_FISCAL}, request)
        ON CONFLICT (tenant_id, bill_id, part, revision) DO UPDATE
       SET status = 'sending', amount = excluded.amount, total = excluded.total,
           competencia = excluded.competencia, request = excluded.request, sends = n.sends + 1,
           auto_sends = CASE WHEN n.resend OR n.denial = ANY($4::text[]) THEN 0
                              ELSE n.auto_sends + 1 END,
           resend = false, resend_at = NULL, then_cancel = NULL, raw_status = NULL, lookups = 0,
           look_up_at = NULL, sent_at = excluded.sent_at, tied = NULL, tied_at = NULL,
           news_at = NULL, wish = NULL,
           substitutes = excluded.substitutes,
           connection_id = excluded.connection_id,
           rps_series = excluded.rps_series, rps_number = excluded.rps_number,
           fiscal_sent_at = excluded.fiscal_sent_at, fiscal_class = excluded.fiscal_class,
           discount = excluded.discount, conditional_discount = excluded.conditional_discount,
           deductions = excluded.deductions, iss = excluded.iss,
           pis_withheld = excluded.pis_withheld, cofins_withheld = excluded.cofins_withheld,
           csll_withheld = excluded.csll_withheld, inss_withheld = excluded.inss_withheld,
           irrf_withheld = excluded.irrf_withheld
     WHERE (n.status = 'denied' OR n.status = 'cancelled'
            AND n.raw_status IN ('never_arrived', '{NOT_SUBSTITUTED}'))
       AND n.external_id = excluded.external_id
       AND (n.connection_id IS NULL OR n.connection_id = excluded.connection_id)
 RETURNING n.bill_id, n.part, n.revision, n.sends, n.sent_at
"""  # noqa: S608 - only our own constants are put in


async def write_intents(
    conn: Connection, tenant: TenantId, intents: Sequence[Intent]
) -> list[KnownNota]:
    """Write the intent of each nota before it is sent. Returns those that may be sent, as they are.

    One that is sent for the first time is as its intent says, and is not read back. Raises
    asyncpg.UniqueViolationError when a sale has another live nota.
    """
    if not intents:
        return []
    requests = [intent.request for intent in intents]
    bare = [replace(intent, request=b"") for intent in intents]
    rows = await conn.fetch(WRITE_INTENTS, tenant, rows_json(bare), requests, ON_CUSTOMER)
    intended = {(one.bill_id, one.part, one.revision): one for one in bare}
    written: list[KnownNota] = []
    others: list[tuple[BillId, int, int]] = []
    for bill, part, revision, sends, sent_at in rows:
        intent = intended[bill, part, revision]
        if sends == 1 and intent.connection_id is not None:
            written.append(_as_intended(intent, sent_at))
        else:
            others.append((bill, part, revision))
    return [*written, *await notas_store.load_these(conn, tenant, others)]


def _as_intended(intent: Intent, sent_at: datetime) -> KnownNota:
    """The row of a nota that was never sent before, as the database makes it."""
    return KnownNota(
        bill_id=intent.bill_id,
        part=intent.part,
        revision=intent.revision,
        external_id=intent.external_id,
        issuer_id=None,
        status=NotaStatus.SENDING,
        amount=intent.amount,
        competencia=intent.competencia,
        lookups=0,
        look_up_at=None,
        resend=False,
        then_cancel=None,
        denial=None,
        changed_at=None,
        sent_at=sent_at,
        cancel_sent_at=None,
        sends=1,
        auto_sends=0,
        resend_at=None,
        environment=intent.environment,
        connection_id=intent.connection_id,
        round=intent.round,
        substitutes=intent.substitutes,
        rps_number=intent.rps_number,
    )


# Only for a request that surely did not happen (refused key, no slot): the intent is taken back,
# so that the next try starts clean. A re-send falls back to its denial, which it still carries; one
# that has none was never at the issuer.
WITHDRAW: Final = f"""
    -- intents_store.withdraw_intents
    WITH back AS (
        UPDATE notas SET status = CASE WHEN substitutes IS NULL AND denial IS NOT NULL
                                       THEN 'denied' ELSE 'cancelled' END,
               raw_status = CASE WHEN substitutes IS NOT NULL THEN '{NOT_SUBSTITUTED}'
                                 WHEN denial IS NULL THEN '{NEVER_ARRIVED}'
                                 ELSE raw_status END,
               sends = sends - 1,
               resend = substitutes IS NULL AND denial IS NOT NULL, substitutes = NULL
         WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends > 1
           AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
        RETURNING bill_id
    )
    DELETE FROM notas
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends = 1
       AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
 RETURNING bill_id, created_at, amount, environment
"""  # noqa: S608 - only our own constant is put in


class WithdrawnIntent(Struct, frozen=True, kw_only=True):
    """A first intent that was taken back, and when it had been written."""

    bill_id: BillId
    created_at: datetime
    amount: Cents


async def withdraw_intents(
    conn: Connection, tenant: TenantId, intents: Sequence[tuple[BillId, int]]
) -> list[WithdrawnIntent]:
    """Take back intents, each a bill and part, whose request surely never reached the issuer.

    Returns those that were first ones; tests, which are not counted, are left out.
    """
    if not intents:
        return []
    bills, parts = [bill for bill, _ in intents], [part for _, part in intents]
    rows = await conn.fetch(WITHDRAW, tenant, bills, parts)
    return [
        WithdrawnIntent(bill_id=row["bill_id"], created_at=row["created_at"], amount=row["amount"])
        for row in rows
        if row["environment"] == REAL
    ]
