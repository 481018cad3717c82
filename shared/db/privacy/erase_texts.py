"""Taking a person out of texts: what was told of sales, typed by people, and said by issuers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.rows import columns_of
from shared.domain.ids import BillId, TenantId


class HistoryLine(Struct, frozen=True, kw_only=True):
    """A line of a sale's history, and what it says."""

    bill_id: BillId
    entry_id: int
    why: str


TOLD: Final = """
    -- erase_texts.told_of
    SELECT bill_id, entry_id, why FROM timeline
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND why <> ''
"""
TELL: Final = """
    -- erase_texts.tell
    UPDATE timeline t SET why = w.why
      FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS w (bill_id, entry_id, why)
     WHERE t.tenant_id = $1 AND t.bill_id = ANY($2::bigint[])
       AND t.bill_id = w.bill_id AND t.entry_id = w.entry_id
"""


async def told_of(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[HistoryLine]:
    """What the histories of these sales say."""
    return [HistoryLine(**dict(row)) for row in await conn.fetch(TOLD, tenant, bills)]


# A stretch of a tenant's histories is read by its index of instants.
TOLD_BETWEEN: Final = """
    -- erase_texts.told_between
    SELECT t.bill_id, t.entry_id, t.why FROM timeline t
     WHERE t.tenant_id = $1 AND t.at >= $2 AND t.at < $3
       AND EXISTS (SELECT FROM unnest($4::text[]) AS w (word)
                    WHERE strpos(lower(t.why), w.word) > 0)
"""


async def told_between(
    conn: Connection, tenant: TenantId, since: datetime, until: datetime, words: Sequence[str]
) -> list[HistoryLine]:
    """Lines of all histories from then to then that may have one of these words in them."""
    small = [word.lower() for word in words]
    rows = await conn.fetch(TOLD_BETWEEN, tenant, since, until, small)
    return [HistoryLine(**dict(row)) for row in rows]


async def tell(conn: Connection, tenant: TenantId, lines: Sequence[HistoryLine]) -> None:
    """Write lines of histories anew: what happened stays, whom it names does not."""
    await conn.execute(TELL, tenant, *columns_of(lines, "bill_id", "entry_id", "why"))


DETAILS: Final = """
    -- erase_texts.blank_details
    UPDATE sales SET detail = '[…]'
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND detail NOT IN ('', '[…]')
"""


async def blank_details(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> int:
    """Take out what is said beside the code of these sales."""
    return _count(await conn.execute(DETAILS, tenant, bills)) if bills else 0


UNKNOWN: Final = """
    -- erase_texts.forget_unknown_denials
    DELETE FROM unknown_denials WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""


async def forget_unknown_denials(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> int:
    """Delete the texts of refusals that were kept as examples, where a sale of these gave one."""
    return _count(await conn.execute(UNKNOWN, tenant, bills))


class UnknownDenial(Struct, frozen=True, kw_only=True):
    """A text that is kept as an example, sealed (`columns.UNKNOWN_DENIAL`)."""

    denial_group: str
    reason: bytes


DENIALS: Final = """
    -- erase_texts.unknown_denials_after
    SELECT denial_group, reason FROM unknown_denials
     WHERE tenant_id = $1 AND denial_group > $2 AND reason IS NOT NULL
     ORDER BY denial_group LIMIT $3
"""
FORGET_DENIALS: Final = """
    -- erase_texts.forget_denials
    DELETE FROM unknown_denials WHERE tenant_id = $1 AND denial_group = ANY($2::text[])
"""


async def unknown_denials_after(
    conn: Connection, tenant: TenantId, group: str, *, limit: int
) -> list[UnknownDenial]:
    """A page of a tenant's examples; whose sale each is of may have changed since."""
    rows = await conn.fetch(DENIALS, tenant, group, limit)
    return [UnknownDenial(**dict(row)) for row in rows]


async def forget_denials(conn: Connection, tenant: TenantId, groups: Sequence[str]) -> int:
    """Delete examples by their cause."""
    return _count(await conn.execute(FORGET_DENIALS, tenant, groups)) if groups else 0


FILTERS: Final = """
    -- erase_texts.filters_of
    SELECT name_key, name, query FROM saved_filters WHERE tenant_id = $1
"""
FORGET_FILTERS: Final = """
    -- erase_texts.forget_filters
    DELETE FROM saved_filters WHERE tenant_id = $1 AND name_key = ANY($2::text[])
"""


class Filter(Struct, frozen=True, kw_only=True):
    """A saved list: its name and its address."""

    name_key: str
    name: str
    query: str


async def filters_of(conn: Connection, tenant: TenantId) -> list[Filter]:
    """A tenant's saved lists, some dozens at most."""
    return [Filter(**dict(row)) for row in await conn.fetch(FILTERS, tenant)]


async def forget_filters(conn: Connection, tenant: TenantId, keys: Sequence[str]) -> int:
    """Delete saved lists."""
    return _count(await conn.execute(FORGET_FILTERS, tenant, keys)) if keys else 0


class Typed(Struct, frozen=True, kw_only=True):
    """What was typed or told of an action for many sales; `bill_id` of a sale that refused it."""

    key: str
    text: str
    bill_id: BillId | None = None


JOBS: Final = """
    -- erase_texts.jobs_of
    SELECT job_id AS key, about || ' ' || reason AS text FROM bulk_jobs WHERE tenant_id = $1
"""
REFUSALS: Final = """
    -- erase_texts.refusals_of
    SELECT job_id AS key, why AS text, bill_id FROM bulk_refusals
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""
BLANK_JOBS: Final = """
    -- erase_texts.blank_jobs
    UPDATE bulk_jobs SET about = '', reason = '[…]'
     WHERE tenant_id = $1 AND job_id = ANY($2::text[])
"""
BLANK_REFUSALS: Final = """
    -- erase_texts.blank_refusals
    UPDATE bulk_refusals r SET why = '[…]'
      FROM unnest($2::text[], $3::bigint[]) AS w (job_id, bill_id)
     WHERE r.tenant_id = $1 AND r.job_id = w.job_id AND r.bill_id = w.bill_id
"""


async def jobs_of(conn: Connection, tenant: TenantId) -> list[Typed]:
    """What was typed for a tenant's actions, also those under way; they are kept some months."""
    return [Typed(**dict(row)) for row in await conn.fetch(JOBS, tenant)]


async def refusals_of(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[Typed]:
    """Why these sales refused such actions."""
    return [Typed(**dict(row)) for row in await conn.fetch(REFUSALS, tenant, bills)]


async def blank_jobs(conn: Connection, tenant: TenantId, jobs: Sequence[str]) -> int:
    """Take out what was typed for these actions; that they were asked for stays."""
    return _count(await conn.execute(BLANK_JOBS, tenant, jobs)) if jobs else 0


async def blank_refusals(
    conn: Connection, tenant: TenantId, refusals: Sequence[tuple[str, BillId | None]]
) -> int:
    """Take out why these sales refused; the code stays."""
    if not refusals:
        return 0
    jobs, bills = [job for job, _ in refusals], [bill for _, bill in refusals]
    return _count(await conn.execute(BLANK_REFUSALS, tenant, jobs, bills))


# Where people say why they did what concerns many sales or none. Of each tenant some few texts,
# one of which may stand in thousands of rows.
GAVE_REASONS: Final = ("accepted_notas", "backfills", "closing_locks", "erasures", "rps_series")
REASONS: Final[dict[str, str]] = {
    table: f"""
    -- erase_texts.reasons_in
    SELECT DISTINCT reason FROM {table} WHERE tenant_id = $1
"""  # noqa: S608 - our own constants
    for table in GAVE_REASONS
}
WRITE_REASONS: Final[dict[str, str]] = {
    table: f"""
    -- erase_texts.write_reasons
    UPDATE {table} t SET reason = w.bare
      FROM unnest($2::text[], $3::text[]) AS w (said, bare)
     WHERE t.tenant_id = $1 AND t.reason = w.said
"""  # noqa: S608 - our own constants
    for table in GAVE_REASONS
}


async def reasons_in(conn: Connection, table: str, tenant: TenantId) -> list[str]:
    """The reasons that were given in a table of `GAVE_REASONS`, each once."""
    return [row["reason"] for row in await conn.fetch(REASONS[table], tenant)]


async def write_reasons(
    conn: Connection, table: str, tenant: TenantId, bare: Mapping[str, str]
) -> int:
    """Write reasons anew, by what they say now; how many rows."""
    if not bare:
        return 0
    said, written = list(bare), list(bare.values())
    return _count(await conn.execute(WRITE_REASONS[table], tenant, said, written))


# The line is put into letters once, not once for each word. Whoever asks looks at each found once
# more, since a word may stand there inside of another.
AUDITED: Final = """
    -- erase_texts.audit_page
    SELECT max(a.at) AS last_at, max(a.entry_id) FILTER (WHERE a.is_last) AS last_entry,
           count(*) AS seen,
           coalesce(array_agg(a.said) FILTER (WHERE a.is_found), '{}') AS found,
           coalesce(array_agg(a.at) FILTER (WHERE a.is_found), '{}') AS found_at
      FROM (SELECT at, entry_id, detail::text AS said,
                   lead(entry_id) OVER (ORDER BY at, entry_id) IS NULL AS is_last,
                   EXISTS (SELECT FROM unnest($4::text[]) AS w (word)
                            WHERE strpos(letters, w.word) > 0) AS is_found
              FROM (SELECT at, entry_id, detail, lower(detail::text) AS letters FROM audit
                     WHERE tenant_id = $1 AND (at, entry_id) > ($2, $3)
                     ORDER BY at, entry_id LIMIT $5) page) a
"""


class AuditPage(Struct, frozen=True, kw_only=True):
    """Lines of a page in which some word may stand, each with its instant.

    `last` is where the next page begins, else None.
    """

    found: Sequence[tuple[datetime, str]]
    last: tuple[datetime, int] | None


async def audit_page(
    conn: Connection,
    tenant: TenantId,
    words: Sequence[str],
    *,
    after: tuple[datetime, int],
    limit: int,
) -> AuditPage:
    """The details of a page of the audit's lines that may have one of these words in them."""
    small = [word.lower() for word in words]
    row = await conn.fetchrow(AUDITED, tenant, *after, small, limit)
    if row is None:
        raise AssertionError("an aggregate gives its row")
    last = (row["last_at"], row["last_entry"]) if row["seen"] == limit else None
    return AuditPage(found=list(zip(row["found_at"], row["found"], strict=True)), last=last)


# As in the audit: whoever asks looks at each found once more.
RULES: Final = """
    -- erase_texts.rules_with
    SELECT r.rule::text AS said FROM rule_versions r
     WHERE r.tenant_id = $1
       AND EXISTS (SELECT FROM unnest($2::text[]) AS w (word)
                    WHERE strpos(lower(r.rule::text), w.word) > 0)
"""


async def rules_with(conn: Connection, tenant: TenantId, words: Sequence[str]) -> list[str]:
    """The versions of a tenant's rule that may have one of these words in them."""
    rows = await conn.fetch(RULES, tenant, [word.lower() for word in words])
    return [row["said"] for row in rows]


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
