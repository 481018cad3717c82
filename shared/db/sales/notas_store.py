"""The notas of each sale, and every state of theirs after the intent (`intents_store`)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.db.tenants.nota_connections_store import BORN_UNDER
from shared.domain.ids import BillId, ExternalId, IssuerNotaId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import (
    NEVER_ARRIVED,
    NOT_SUBSTITUTED,
    OWED_AGAIN,
    REAL,
    IssuerEnvironment,
    NotaStatus,
    OwedAgain,
)
from shared.domain.parts import WHOLE, PartWish
from shared.domain.statement import STATED_BY_PERSON

DIVIDED_ANEW: Final = "divided_anew"


class KnownNota(Struct, frozen=True, kw_only=True):
    """A nota as it is stored, but for what was sent; the newest of its part of a sale."""

    bill_id: BillId
    part: int = WHOLE
    revision: int
    external_id: ExternalId
    issuer_id: IssuerNotaId | None
    status: NotaStatus
    raw_status: str | None = None  # the issuer's word, or ours where the issuer said none
    amount: Cents
    competencia: date
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
    environment: IssuerEnvironment = REAL  # that it was born in
    connection_id: int | None = None  # where it was born; None only where nothing is connected
    has_pdf: bool = False
    tied: str | None = None  # what the issuer said last for an instant no newer than `changed_at`
    tied_at: datetime | None = None  # since when it says such words, the same or others
    news_at: datetime | None = None  # when its last news was looked up, and nothing new was shown
    cancel_code: str | None = None  # why it was not cancelled
    cancel_tries: int = 0  # how often cancelling was refused by itself since a person asked
    cancel_again_at: datetime | None = None  # when cancelling is asked for again by itself
    denial_cause: str | None = None  # the row of the catalogue of refusals that its denial is
    wish: PartWish | None = None  # a person's, of this nota of several alone
    round: int | None = None  # None: its revision
    substitutes: int | None = None  # the revision of the valid one whose place it is to take
    rps_number: int | None = None  # its own, where the company numbers by itself

    @property
    def owed_again(self) -> OwedAgain | None:
        """Why another one is owed in its place, and it counts for nothing."""
        if self.status is not NotaStatus.CANCELLED:
            return None
        return next((why for why in OWED_AGAIN if why == self.raw_status), None)

    @property
    def was_lost(self) -> bool:
        """Say whether it never reached the issuer while it was wanted: as if not asked for."""
        never = self.status is NotaStatus.CANCELLED and self.raw_status == NEVER_ARRIVED
        return never and self.then_cancel is None and self.wish is None

    @property
    def stated(self) -> bool:
        """Say whether it stands on a person's word, and not on the issuer's."""
        return self.raw_status == STATED_BY_PERSON

    def cancel_is_due(self, now: datetime) -> bool:
        """Say whether cancelling, which was refused, is to be asked for again by itself."""
        return self.cancel_again_at is not None and self.cancel_again_at <= now

    @property
    def retired(self) -> bool:
        """Say whether it was denied under a division that is no more: it counts as never asked."""
        return self.raw_status == DIVIDED_ANEW


_STATUSES: Final = {status.value: status for status in NotaStatus}  # a sixth of what a call costs
_COLUMNS: Final = f"""
           n.bill_id, n.part, n.revision, n.external_id, n.issuer_id, n.status, n.raw_status,
           n.amount, n.competencia, n.lookups, n.look_up_at, n.resend, n.then_cancel, n.denial,
           n.changed_at, n.sent_at, n.cancel_sent_at, n.sends, n.auto_sends, n.resend_at,
           n.issued_at, n.environment, {BORN_UNDER} AS connection_id, n.has_pdf, n.tied,
           n.tied_at, n.news_at, n.cancel_code, n.cancel_tries, n.cancel_again_at, n.denial_cause,
           n.wish, n.round, n.substitutes, n.rps_number
"""

# Which nota speaks for a sale where only one is shown.
# One that was to take the place of another, and was refused, speaks for nothing.
SPEAKS_NOT: Final = f"raw_status IS NOT DISTINCT FROM '{NOT_SUBSTITUTED}'"
SPEAKS: Final = f"ORDER BY {SPEAKS_NOT}, revision DESC, part LIMIT 1"

# What may have moved of a nota since its sale was leased: by people, by the issuer, by us. The rest
# is as it was written when it was last sent, which only who has the lease does.
_MOVING: Final = """
           n.bill_id, n.part, n.issuer_id, n.status, n.raw_status, n.lookups, n.look_up_at,
           n.resend, n.then_cancel, n.denial, n.changed_at, n.cancel_sent_at, n.resend_at,
           n.issued_at, n.has_pdf, n.tied, n.cancel_code, n.cancel_tries, n.cancel_again_at,
           n.denial_cause, n.wish, n.substitutes, n.tied_at, n.news_at
"""

LOAD_NEWEST: Final = f"""
    -- notas_store.load_newest
    SELECT DISTINCT ON (n.bill_id, n.part) {_COLUMNS}
      FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
     ORDER BY n.bill_id, n.part, n.{SPEAKS_NOT}, n.revision DESC
"""  # noqa: S608 - only our own constants are put in


async def load_newest(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, list[KnownNota]]:
    """Read the newest nota of every part of these sales; sales without one are absent."""
    found: dict[BillId, list[KnownNota]] = {}
    for row in await conn.fetch(LOAD_NEWEST, tenant, bills):
        nota = _known(row)
        found.setdefault(nota.bill_id, []).append(nota)
    return found


REQUESTS: Final = """
    -- notas_store.requests
    SELECT n.bill_id, n.part, n.revision, n.request
      FROM notas n JOIN unnest($2::bigint[], $3::smallint[], $4::int[])
                     AS w (bill_id, part, revision)
        ON n.bill_id = w.bill_id AND n.part = w.part AND n.revision = w.revision
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
"""


async def requests(
    conn: Connection, sealer: Sealer, tenant: TenantId, notas: Sequence[KnownNota]
) -> dict[tuple[BillId, int], bytes]:
    """The draft that was last sent of each of these notas, by bill and part. Raises UnsealError."""
    if not notas:
        return {}
    keys = zip(*((nota.bill_id, nota.part, nota.revision) for nota in notas), strict=True)
    rows = await conn.fetch(REQUESTS, tenant, *(list(column) for column in keys))
    return {
        (bill, part): columns.REQUEST.open(sealer, tenant, request, bill, part, revision)
        for bill, part, revision, request in rows
    }


LOAD_THESE: Final = f"""
    -- notas_store.load_these
    SELECT {_COLUMNS}
      FROM notas n JOIN unnest($2::bigint[], $3::smallint[], $4::int[])
                     AS w (bill_id, part, revision)
        ON n.bill_id = w.bill_id AND n.part = w.part AND n.revision = w.revision
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
"""  # noqa: S608 - only our own constants are put in


async def load_these(
    conn: Connection, tenant: TenantId, keys: Sequence[tuple[BillId, int, int]]
) -> list[KnownNota]:
    """Notas by bill, part and revision; those that there are not are left out."""
    if not keys:
        return []
    columns_of_keys = (list(column) for column in zip(*keys, strict=True))
    rows = await conn.fetch(LOAD_THESE, tenant, *columns_of_keys)
    return [_known(row) for row in rows]


def _known(row: asyncpg.Record) -> KnownNota:
    fields = dict(row.items())  # half of what `dict(row)` takes, which looks each name up
    fields["status"] = _STATUSES[fields["status"]]
    return KnownNota(**fields)


def _moved(known: KnownNota, row: asyncpg.Record) -> KnownNota:
    """A nota as it now is, by a row of what may have moved."""
    fields = dict(row.items())  # half of what `dict(row)` takes, which looks each name up
    fields["status"] = _STATUSES[fields["status"]]
    return replace(known, **fields)


class NotaUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The next state of one nota. None keeps what is stored; `reason` is sealed."""

    bill_id: BillId
    part: int = WHOLE
    revision: int
    status: NotaStatus
    issuer_id: IssuerNotaId | None = None
    raw_status: str | None = None
    number: str | None = None
    verification_code: str | None = None
    has_pdf: bool | None = None
    has_xml: bool | None = None
    denial: str | None = None
    denial_cause: str | None = None
    reason: bytes | None = None
    denial_group: str | None = None
    resend_at: datetime | None = None
    lookups: int = 0
    look_up_at: datetime | None = None
    then_cancel: str | None = None
    wanted_again: bool = False  # why it was to be cancelled is no more
    changed_at: datetime | None = None
    cancel_sent: bool = False
    cancel_unsent: bool = False  # the wish never left, whatever was written before
    tied: str | None = None
    news_at: datetime | None = None  # there was news of it, which the issuer does not show yet
    explained: bool = False  # whatever news there was of it, it is shown now
    older: bool = False  # `changed_at` takes the place of a newer one: its clock was set back
    cancel_code: str | None = None
    cancel_tries: int | None = None
    cancel_again_at: datetime | None = None

    @property
    def cause(self) -> str:
        """What it has in common with other denials."""
        return self.denial_group or self.denial or ""


# A denial that is written again with nothing new said of it.
_DENIED_AS_IT_WAS: Final = """u.status = 'denied' AND n.status = 'denied'
                               AND u.raw_status IS NULL AND u.reason IS NULL"""
# Two movers write here, sender and follower. `cancelled` never moves back, but where the issuer
# never had it, and older news of the issuer never overwrites newer, but where that was settled.
UPDATE: Final = f"""
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
           denial_cause = CASE WHEN u.status = 'denied' THEN u.denial_cause END,
           reason = CASE WHEN u.status IN ('denied', 'cancel_refused')
                         THEN coalesce(decode(u.reason, 'base64'), n.reason) END,
           denial_group = CASE WHEN {_DENIED_AS_IT_WAS} THEN n.denial_group
                               WHEN u.status = 'denied' THEN u.denial_group END,
           denied_at = CASE WHEN {_DENIED_AS_IT_WAS} THEN n.denied_at
                            WHEN u.status = 'denied' THEN $4::timestamptz END,
           resend_at = CASE WHEN u.status = 'denied' THEN u.resend_at END,
           lookups = coalesce(u.lookups, 0),
           look_up_at = u.look_up_at,
           then_cancel = CASE WHEN u.wanted_again THEN NULL
                              ELSE coalesce(u.then_cancel, n.then_cancel) END,
           wish = nullif(n.wish, 'issue'),
           changed_at = CASE WHEN u.older THEN u.changed_at
                             ELSE greatest(u.changed_at, n.changed_at) END,
           tied = u.tied,
           tied_at = CASE WHEN u.tied IS NULL THEN NULL
                          WHEN n.tied IS NOT NULL AND n.tied_at <= $4 THEN n.tied_at
                          ELSE $4 END,
           news_at = CASE WHEN u.explained THEN NULL ELSE coalesce(u.news_at, n.news_at) END,
           cancel_code = CASE WHEN u.status IN ('cancel_refused', 'cancelling')
                              THEN coalesce(u.cancel_code, n.cancel_code) END,
           cancel_tries = coalesce(u.cancel_tries, n.cancel_tries),
           cancel_again_at = CASE WHEN u.status IN ('cancel_refused', 'cancelling')
                                  THEN u.cancel_again_at END,
           cancel_sent_at = CASE WHEN u.cancel_sent THEN $4
                                 WHEN NOT coalesce(u.cancel_unsent, false)
                                 THEN n.cancel_sent_at END,
           issued_at = CASE WHEN u.status = 'issued' THEN coalesce(n.issued_at, $4)
                            ELSE n.issued_at END,
           cancelled_at = CASE WHEN u.status = 'cancelled' THEN coalesce(n.cancelled_at, $4)
                               ELSE n.cancelled_at END
      FROM json_to_recordset($3::text::json)
           AS u (bill_id bigint, part smallint, revision int, status text, issuer_id text,
                 raw_status text, number text, verification_code text, has_pdf boolean,
                 has_xml boolean, denial text, denial_cause text, reason text, denial_group text,
                 resend_at timestamptz, lookups int, look_up_at timestamptz, then_cancel text,
                 wanted_again boolean, changed_at timestamptz, cancel_sent boolean,
                 cancel_unsent boolean, tied text, news_at timestamptz, explained boolean,
                 older boolean, cancel_code text, cancel_tries int, cancel_again_at timestamptz)
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.bill_id = u.bill_id
       AND n.part = coalesce(u.part, 0) AND n.revision = u.revision
       AND (n.status <> 'cancelled' OR n.raw_status = 'never_arrived')
       AND (u.older OR u.changed_at IS NULL OR n.changed_at IS NULL
            OR u.changed_at >= n.changed_at)
 RETURNING {_MOVING}
"""  # noqa: S608 - only our own constants are put in


async def update(
    conn: Connection,
    tenant: TenantId,
    updates: Sequence[tuple[NotaUpdate, KnownNota]],
    *,
    now: datetime,
) -> list[KnownNota]:
    """Move notas on, each given with how it was known. Returns them as they now are.

    One that is missing knew better. Lives in the transaction that has locked their leases.
    """
    if not updates:
        return []
    bills = [one.bill_id for one, _ in updates]
    known = {(one.bill_id, one.part): nota for one, nota in updates}
    rows = await conn.fetch(UPDATE, tenant, bills, rows_json([one for one, _ in updates]), now)
    return [_moved(known[row["bill_id"], row["part"]], row) for row in rows]


# Nothing else of it is touched: what people wish of a nota at rest may be written meanwhile.
NOTE_NEWS: Final = f"""
    -- notas_store.note_news
    UPDATE notas n SET news_at = w.news_at
      FROM unnest($2::bigint[], $3::smallint[], $4::int[], $5::timestamptz[])
           AS w (bill_id, part, revision, news_at)
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.bill_id = w.bill_id
       AND n.part = w.part AND n.revision = w.revision
 RETURNING {_MOVING}
"""  # noqa: S608 - only our own constants are put in


async def note_news(
    conn: Connection, tenant: TenantId, news: Sequence[tuple[KnownNota, datetime]]
) -> list[KnownNota]:
    """Write down since when there is news of notas at rest that nothing explains; as they now are.

    Lives in the transaction that has locked their leases.
    """
    if not news:
        return []
    known = {(one.bill_id, one.part): one for one, _ in news}
    keys = zip(*((one.bill_id, one.part, one.revision, at) for one, at in news), strict=True)
    rows = await conn.fetch(NOTE_NEWS, tenant, *(list(column) for column in keys))
    return [_moved(known[row["bill_id"], row["part"]], row) for row in rows]


NEWEST_REASON: Final = f"""
    -- notas_store.newest_reason
    SELECT reason, part, revision FROM notas
     WHERE tenant_id = $1 AND bill_id = $2 AND reason IS NOT NULL
       AND (status IN ('denied', 'cancel_refused') OR {SPEAKS_NOT})
     ORDER BY revision DESC, part LIMIT 1
"""  # noqa: S608 - only our own constant is put in


async def newest_reason(
    conn: Connection, sealer: Sealer, tenant: TenantId, bill: BillId
) -> str | None:
    """The issuer's own words about a refusal that stands; None also where they are shut for good.

    A key that is lost takes the words of a sale, and not the page about it.
    """
    row = await conn.fetchrow(NEWEST_REASON, tenant, bill)
    if row is None:
        return None
    key = (bill, row["part"], row["revision"])
    try:
        return columns.REASON.open(sealer, tenant, row["reason"], *key).decode()
    except UnsealError:
        return None
