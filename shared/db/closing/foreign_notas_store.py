"""A mirror of the notas at the issuer that are not ours."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents


class ForeignNota(Struct, frozen=True, kw_only=True):
    """A nota somebody else asked the issuer for."""

    issuer_id: str
    environment: str
    document: bytes  # sealed (`columns.FOREIGN_DOCUMENT`): its word follows the keys
    document_word: bytes
    amount: Cents
    competencia: date
    number: str | None
    valid: bool


STORE: Final = """
    -- foreign_notas_store.store
    INSERT INTO foreign_notas (tenant_id, issuer_id, environment, document_word, amount,
                               competencia, number, valid, document)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::date[],
                             $7::text[], $8::boolean[], $9::bytea[])
        ON CONFLICT (tenant_id, issuer_id) DO UPDATE
       SET document_word = excluded.document_word, document = excluded.document,
           number = excluded.number, valid = excluded.valid, amount = excluded.amount,
           competencia = excluded.competencia
"""


async def store(conn: Connection, tenant: TenantId, notas: Sequence[ForeignNota]) -> None:
    """Write down notas as the issuer lists them now; none twice in one call."""
    if notas:
        await conn.execute(
            STORE,
            tenant,
            [nota.issuer_id for nota in notas],
            [nota.environment for nota in notas],
            [nota.document_word for nota in notas],
            [nota.amount for nota in notas],
            [nota.competencia for nota in notas],
            [nota.number for nota in notas],
            [nota.valid for nota in notas],
            [nota.document for nota in notas],
        )


class Candidate(Struct, frozen=True, kw_only=True):
    """A nota of ours about to be sent for the first time; a sale may have several.

    Of each there is one for every key that documents may have been hashed under.
    """

    bill_id: BillId
    environment: str
    document_word: bytes
    amount: Cents
    competencia: date
    moment_at: datetime | None


class Alike(Struct, frozen=True, kw_only=True):
    """The other nota, for a person to compare.

    `may_be_ours`: the same customer has a nota of ours in doubt, whose issuer's id is not known.
    """

    number: str | None
    competencia: date
    amount: Cents
    may_be_ours: bool


# A person who said "issue" has compared them. The month counts: another system may date the day
# of payment where we date the end of a guarantee, or the day of sending. A list that leaves our
# ids out shows our own notas among the others.
HAS_ANY: Final = """
    -- foreign_notas_store.has_any
    SELECT EXISTS (SELECT FROM foreign_notas WHERE tenant_id = $1 AND valid)
"""


async def has_any(conn: Connection, tenant: TenantId) -> bool:
    """Say whether anybody else issued notas for a tenant that are valid, as of nearly none."""
    return bool(await conn.fetchval(HAS_ANY, tenant))


FIND_ALIKE: Final = """
    -- foreign_notas_store.find_alike
    SELECT DISTINCT ON (c.bill_id) c.bill_id, f.number, f.competencia, f.amount,
           EXISTS (
           SELECT FROM sales o JOIN notas n ON n.tenant_id = $1 AND n.bill_id = o.bill_id
            WHERE o.tenant_id = $1 AND o.document_word = f.document_word
              AND n.issuer_id IS NULL AND n.status IN ('sending', 'uncertain')) AS may_be_ours
      FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::date[],
                  $7::timestamptz[])
           AS c (bill_id, environment, document_word, amount, competencia, moment_at)
      JOIN tenants t ON t.tenant_id = $1
      JOIN foreign_notas f
        ON f.tenant_id = $1 AND f.valid AND f.document_word = c.document_word
       AND f.amount = c.amount AND f.environment = c.environment
       AND date_trunc('month', f.competencia::timestamp)
           IN (date_trunc('month', c.competencia::timestamp),
               date_trunc('month', c.moment_at AT TIME ZONE t.timezone))
      LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = c.bill_id
     WHERE s.wish IS DISTINCT FROM 'issue'
       AND NOT EXISTS (
           SELECT FROM sales o JOIN notas n ON n.tenant_id = $1 AND n.bill_id = o.bill_id
            WHERE o.tenant_id = $1 AND o.document_word = f.document_word
              AND lower(n.issuer_id) = f.issuer_id)
     ORDER BY c.bill_id, f.competencia
"""


async def find_alike(
    conn: Connection, tenant: TenantId, candidates: Sequence[Candidate]
) -> dict[BillId, Alike]:
    """For each candidate a foreign nota of the same customer, amount and month, if there is one."""
    rows = await conn.fetch(
        FIND_ALIKE,
        tenant,
        [one.bill_id for one in candidates],
        [one.environment for one in candidates],
        [one.document_word for one in candidates],
        [one.amount for one in candidates],
        [one.competencia for one in candidates],
        [one.moment_at for one in candidates],
    )
    return {
        row["bill_id"]: Alike(
            number=row["number"],
            competencia=row["competencia"],
            amount=row["amount"],
            may_be_ours=row["may_be_ours"],
        )
        for row in rows
    }


# Who sets up sees what was issued so far; one that never ends its set-up is not read for ever.
_READ_FOR: Final = """
           (t.status IN ('active', 'shadow')
            OR (t.status = 'setting_up' AND i.connected_at > now() - interval '30 days'))
"""
# Another company's list begins anew.
ENROL: Final = f"""
    -- foreign_notas_store.enrol_any_tenant
    INSERT INTO foreign_nota_marks AS m (tenant_id, company_id, next_at)
    SELECT i.tenant_id, i.company_id, now()
      FROM issuer_connections i JOIN tenants t ON t.tenant_id = i.tenant_id
     WHERE {_READ_FOR} AND NOT EXISTS (
           SELECT 1 FROM foreign_nota_marks k
            WHERE k.tenant_id = i.tenant_id AND k.company_id = i.company_id)
        ON CONFLICT (tenant_id) DO UPDATE
       SET company_id = excluded.company_id, listed_to = NULL, listed_from = NULL,
           next_at = excluded.next_at
     WHERE m.company_id <> excluded.company_id
"""  # noqa: S608 - only our own constant is put in
DUE: Final = f"""
    -- foreign_notas_store.due_any_tenant
    SELECT m.tenant_id FROM foreign_nota_marks m
      JOIN tenants t ON t.tenant_id = m.tenant_id
      JOIN issuer_connections i ON i.tenant_id = m.tenant_id
     WHERE m.next_at <= now() AND {_READ_FOR} AND i.state = 'ok'
     ORDER BY m.next_at LIMIT $1
"""  # noqa: S608 - only our own constant is put in


async def due_any_tenant(conn: Connection, *, limit: int) -> list[TenantId]:
    """Tenants that issue or are in shadow whose list is due, the longest waiting first."""
    await conn.execute(ENROL)
    return [row["tenant_id"] for row in await conn.fetch(DUE, limit)]


CLAIM: Final = """
    -- foreign_notas_store.claim
    UPDATE foreign_nota_marks SET next_at = $3 + $2::interval
     WHERE tenant_id = $1 AND next_at <= $3 AND company_id = $4
 RETURNING listed_to
"""


async def claim(
    conn: Connection, tenant: TenantId, company: str, *, lease: timedelta, first_days: int
) -> tuple[date, date] | None:
    """Take a company's list for a while: the UTC days to read.

    None when another has it, or where the list to be read is another company's.
    """
    now = await clock.now(conn)
    row = await conn.fetchrow(CLAIM, tenant, lease, now, company)
    if row is None:
        return None
    today = now.astimezone(UTC).date()
    first, listed_to = today - timedelta(days=first_days), row["listed_to"]
    # Read by a clock that was ahead: which days it really read is not known.
    return first if listed_to is None or listed_to > today else listed_to, today


# Days listed before the column was there are not known to have been.
DONE: Final = """
    -- foreign_notas_store.done
    UPDATE foreign_nota_marks
       SET listed_from = CASE WHEN listed_to IS NULL THEN least(listed_from, $3)
                              ELSE listed_from END,
           keeps_documents = keeps_documents OR listed_to IS NULL,
           listed_to = $2, next_at = now() + $4::interval
     WHERE tenant_id = $1 AND company_id = $5
"""


async def done(
    conn: Connection, tenant: TenantId, company: str, days: tuple[date, date], again_in: timedelta
) -> None:
    """A company's list was read whole up to the last of these days, which is read once more.

    Nothing where the tenant went on to another company meanwhile: its list was not read.
    """
    since, until = days
    await conn.execute(DONE, tenant, until, since, again_in, company)


UNLISTED: Final = """
    -- foreign_notas_store.unlisted
    SELECT coalesce(min(listed_from), $3::date) AS until
      FROM foreign_nota_marks WHERE tenant_id = $1 AND company_id = $2
"""


async def unlisted(
    conn: Connection, tenant: TenantId, company: str, since: date
) -> tuple[date, date] | None:
    """The UTC days to list for the mirror to reach back to `since`; None when it does."""
    today = (await clock.now(conn)).astimezone(UTC).date()
    until: date = await conn.fetchval(UNLISTED, tenant, company, today)
    return (since, until) if since < until else None


REACHED: Final = """
    -- foreign_notas_store.reached
    INSERT INTO foreign_nota_marks AS m (tenant_id, company_id, listed_from) VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id) DO UPDATE
       SET listed_from = least(m.listed_from, excluded.listed_from)
     WHERE m.company_id = excluded.company_id
"""


async def reached(conn: Connection, tenant: TenantId, company: str, since: date) -> None:
    """The notas made since a day are all in the mirror, up to where it began before."""
    await conn.execute(REACHED, tenant, company, since)
