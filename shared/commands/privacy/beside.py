"""What an erasure does beside sales: saved lists, typed reasons, and what is only counted."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.crypto.sealed_words import open_words
from shared.db.connection import Connection
from shared.db.privacy import erase_rows, erase_texts
from shared.db.privacy.erase_texts import Filter, HistoryLine, UnknownDenial
from shared.db.privacy.erasures_store import Erasure
from shared.db.privacy.person_read import BEFORE_ALL
from shared.domain.ids import TenantId
from shared.domain.privacy.bare import without_words
from shared.domain.privacy.who import mentions

# A read of Vindi that began before a run may be stored after it: a run looks back so far.
APART: Final = timedelta(days=1)
AUDIT_LINES: Final = 20_000
DENIALS: Final = 1000
# What people type goes into the audit and into the histories of sales by one commit, which takes
# no longer than this.
ONE_COMMIT: Final = timedelta(minutes=10)


class Beside(NamedTuple):
    """Who is looked for: `words` in texts, `documents` as keyed words."""

    conn: Connection
    sealer: Sealer
    words: Sequence[str]
    documents: Sequence[bytes]

    async def forget_filters(self, tenant: TenantId) -> int:
        """Delete the saved lists that name or search for who it is; how many."""
        saved = await erase_texts.filters_of(self.conn, tenant)
        theirs = [one.name_key for one in saved if self._names(tenant, one)]
        return await erase_texts.forget_filters(self.conn, tenant, theirs)

    def _names(self, tenant: TenantId, saved: Filter) -> bool:
        searched = (
            text
            for _, value in parse_qsl(saved.query)
            for text in (value, open_words(self.sealer, tenant, value))
        )
        return any(mentions(text, self.words) for text in (saved.name, *searched))

    async def clean_reasons(self, tenant: TenantId) -> dict[str, int]:
        """Take who it is out of what people typed as reasons; how many rows of each table."""
        written = {}
        for table in erase_texts.GAVE_REASONS:
            said = await erase_texts.reasons_in(self.conn, table, tenant)
            bare = {one: without_words(one, self.words) for one in said}
            naming = {one: text for one, text in bare.items() if text != one}
            written[table] = await erase_texts.write_reasons(self.conn, table, tenant, naming)
        return written

    async def forget_denials(self, tenant: TenantId) -> int:
        """Delete examples of refusals that name who it is, whoever's sale they are of by now."""
        count, group = 0, ""
        while self.words:
            page = await erase_texts.unknown_denials_after(self.conn, tenant, group, limit=DENIALS)
            theirs = [one.denial_group for one in page if self._is_named(tenant, one)]
            count += await erase_texts.forget_denials(self.conn, tenant, theirs)
            if len(page) < DENIALS:
                break
            group = page[-1].denial_group
        return count

    def _is_named(self, tenant: TenantId, denial: UnknownDenial) -> bool:
        try:
            text = columns.UNKNOWN_DENIAL.open(
                self.sealer, tenant, denial.reason, denial.denial_group
            )
        except UnsealError:
            return False
        return mentions(text.decode("utf-8", "replace"), self.words)

    async def clean_histories(self, tenant: TenantId, typed_at: Sequence[datetime]) -> int:
        """Take who it is out of histories of others' sales, by when the audit heard of them."""
        count = 0
        for since, until in _stretches(typed_at):
            found = await erase_texts.told_between(self.conn, tenant, since, until, self.words)
            clean = [
                HistoryLine(
                    bill_id=one.bill_id,
                    entry_id=one.entry_id,
                    why=without_words(one.why, self.words),
                )
                for one in found
                if mentions(one.why, self.words)
            ]
            await erase_texts.tell(self.conn, tenant, clean)
            count += len(clean)
        return count

    async def kept(self, at: Erasure, *, audited: int) -> list[Mapping[str, Any]]:
        """What stays beside sales, with what runs before this one found of it.

        A later run knows no more than what law keeps of who it is, so that its count alone would
        take back what the first one said.
        """
        audited += _rows_kept(at, "audit")
        in_rules = max(await self._in_rules(at.tenant_id), _rows_kept(at, "rule_versions"))
        others = await erase_rows.in_mirror(self.conn, at.tenant_id, self.documents)
        running = await erase_rows.in_backfills(self.conn, at.tenant_id, at.customers)
        found = (
            ("audit", audited, "append_only"),
            ("rule_versions", in_rules, "append_only"),
            ("foreign_notas", max(others, _rows_kept(at, "foreign_notas")), "law"),
            ("backfill_bills", running, "open"),
        )
        beside = [{"table": table, "rows": rows, "why": why} for table, rows, why in found if rows]
        return [*beside, *(one for one in at.kept if "table" not in one)]

    async def _in_rules(self, tenant: TenantId) -> int:
        """How many versions of the rule name who it is: a sale's decision is proved by its own."""
        if not self.words:
            return 0
        found = await erase_texts.rules_with(self.conn, tenant, self.words)
        return sum(mentions(rule, self.words) for rule in found)

    async def in_audit(self, at: Erasure) -> list[datetime]:
        """When somebody typed who it is, of each line that came since the run before."""
        if not self.words:
            return []
        typed_at: list[datetime] = []
        after = (BEFORE_ALL if at.since is None else at.since + APART, 0)
        while True:
            page = await erase_texts.audit_page(
                self.conn, at.tenant_id, self.words, after=after, limit=AUDIT_LINES
            )
            typed_at += [
                then for then, line in page.found if mentions(line.replace("\\n", " "), self.words)
            ]
            if page.last is None:
                return typed_at
            after = page.last


def _stretches(moments: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """The time around these moments, without what two of them share."""
    found: list[tuple[datetime, datetime]] = []
    for moment in sorted(moments):
        since, until = moment - ONE_COMMIT, moment + ONE_COMMIT
        if found and since <= found[-1][1]:
            since = found.pop()[0]
        found.append((since, until))
    return found


def _rows_kept(at: Erasure, table: str) -> int:
    return next((one["rows"] for one in at.kept if one.get("table") == table), 0)
