"""RPS numbers that a company gives by itself, by connection and series.

A number is handed out once and for all: the next one is higher, whatever became of the nota. So a
number whose nota was denied, taken back or never sent is a gap, and `numbers` says of which nota.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import IssuerEnvironment

# The largest that eNotas' `numeroRps`, an integer, surely holds (enotas-api, section 4.1).
LARGEST: Final = 2**31 - 1


class SeriesKey(Struct, frozen=True, kw_only=True, order=True):
    """A series of a company in an environment."""

    connection_id: int
    series: str


class Numbered(Struct, frozen=True, kw_only=True):
    """A nota and the number it has."""

    connection_id: int
    series: str
    number: int
    bill_id: BillId
    part: int
    revision: int


class Wanting(Struct, frozen=True, kw_only=True):
    """A nota that is to have a number; `anew` where the one it has was refused as used."""

    connection_id: int
    series: str
    bill_id: BillId
    part: int
    revision: int
    anew: bool = False

    @property
    def key(self) -> SeriesKey:
        """The series its number is of."""
        return SeriesKey(connection_id=self.connection_id, series=self.series)


LOCK: Final = """
    -- rps_store.lock
    SELECT connection_id, series, next_number FROM rps_series
     WHERE tenant_id = $1
       AND (connection_id, series) IN (SELECT * FROM unnest($2::int[], $3::text[]))
     ORDER BY connection_id, series FOR NO KEY UPDATE
"""


async def lock(
    conn: Connection, tenant: TenantId, keys: Sequence[SeriesKey]
) -> dict[SeriesKey, int]:
    """The next number of each series, which nobody else hands out until the transaction ends.

    Those nobody said a first number of are absent.
    """
    connections, series = [key.connection_id for key in keys], [key.series for key in keys]
    rows = await conn.fetch(LOCK, tenant, connections, series)
    return {
        SeriesKey(connection_id=row["connection_id"], series=row["series"]): row["next_number"]
        for row in rows
    }


GIVE_UP: Final = """
    -- rps_store.give_up
    UPDATE rps_numbers SET refused = true
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND NOT refused
       AND (bill_id, part, revision)
           IN (SELECT * FROM unnest($2::bigint[], $3::smallint[], $4::int[]))
"""
KEPT: Final = """
    -- rps_store.kept
    SELECT connection_id, series, number, bill_id, part, revision FROM rps_numbers
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND NOT refused
"""
HAND_OUT: Final = """
    -- rps_store.hand_out
    INSERT INTO rps_numbers
           (tenant_id, connection_id, series, number, bill_id, part, revision, given_at)
    SELECT $1, connection_id, series, number, bill_id, part, revision, $3
      FROM json_to_recordset($2::text::json)
           AS g (connection_id int, series text, number bigint, bill_id bigint, part smallint,
                 revision int)
 RETURNING bill_id
"""
ADVANCE: Final = """
    -- rps_store.hand_out advance
    UPDATE rps_series r SET next_number = n.next_number
      FROM unnest($2::int[], $3::text[], $4::bigint[]) AS n (connection_id, series, next_number)
     WHERE r.tenant_id = $1 AND r.connection_id = n.connection_id AND r.series = n.series
"""


async def hand_out(
    conn: Connection, tenant: TenantId, wanting: Sequence[Wanting], now: datetime
) -> list[Numbered]:
    """Give each nota its number: the one it has, or the next of its series.

    The series were locked before, by `lock`, and have room. Lives in the transaction that writes
    the notas' intents: what is handed out is kept with them, or not at all.
    """
    await _give_up(conn, tenant, [one for one in wanting if one.anew])
    kept = await _kept(conn, tenant, wanting)
    following = await lock(conn, tenant, sorted({one.key for one in wanting}))
    given: list[Numbered] = []
    for one in wanting:
        if (one.key, one.bill_id, one.part, one.revision) not in kept:
            given.append(_numbered(one, following[one.key]))
            following[one.key] += 1
    if given:
        await conn.execute(HAND_OUT, tenant, rows_json(given), now)
        keys = sorted(following)
        await conn.execute(
            ADVANCE,
            tenant,
            [key.connection_id for key in keys],
            [key.series for key in keys],
            [following[key] for key in keys],
        )
    return [*kept.values(), *given]


async def _give_up(conn: Connection, tenant: TenantId, refused: Sequence[Wanting]) -> None:
    if refused:
        columns = zip(*((one.bill_id, one.part, one.revision) for one in refused), strict=True)
        await conn.execute(GIVE_UP, tenant, *(list(column) for column in columns))


async def _kept(
    conn: Connection, tenant: TenantId, wanting: Sequence[Wanting]
) -> dict[tuple[SeriesKey, BillId, int, int], Numbered]:
    wanted = {(one.key, one.bill_id, one.part, one.revision) for one in wanting}
    rows = await conn.fetch(KEPT, tenant, [one.bill_id for one in wanting])
    found = {}
    for row in rows:
        one = Numbered(**row)
        key = SeriesKey(connection_id=one.connection_id, series=one.series)
        if (place := (key, one.bill_id, one.part, one.revision)) in wanted:
            found[place] = one
    return found


def _numbered(one: Wanting, number: int) -> Numbered:
    return Numbered(
        connection_id=one.connection_id,
        series=one.series,
        number=number,
        bill_id=one.bill_id,
        part=one.part,
        revision=one.revision,
    )


class Series(Struct, frozen=True, kw_only=True):
    """A series as people see it."""

    series: str
    environment: IssuerEnvironment
    company_name: str
    in_use: bool  # of the company and environment that notas are born under now
    next_number: int
    last_given: int | None
    set_by: str
    set_at: datetime
    reason: str


# The primary key begins with tenant, connection and series: the last number is its last entry.
LIST: Final = """
    -- rps_store.list_series
    SELECT r.series, k.environment, k.company_name,
           r.connection_id IS NOT DISTINCT FROM $2 AS in_use, r.next_number,
           l.number AS last_given, r.set_by, r.set_at, r.reason
      FROM rps_series r
      JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = r.connection_id
      LEFT JOIN LATERAL (
           SELECT number FROM rps_numbers n
            WHERE n.tenant_id = $1 AND n.connection_id = r.connection_id AND n.series = r.series
            ORDER BY number DESC LIMIT 1) AS l ON true
     WHERE r.tenant_id = $1
     ORDER BY in_use DESC, r.connection_id, r.series
"""


async def list_series(conn: Connection, tenant: TenantId, current: int | None) -> list[Series]:
    """Every series of a tenant, those of the connection in use first."""
    return [Series(**row) for row in await conn.fetch(LIST, tenant, current)]


# Cities know a company by its CNPJ, whatever its issuer calls it: one that was registered anew has
# another id there, and the numbers that it had used. However a CNPJ is written.
LAST: Final = """
    -- rps_store.last_given
    SELECT max(n.number)
      FROM rps_numbers n
      JOIN nota_connections o ON o.tenant_id = $1 AND o.connection_id = n.connection_id
      JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = $2
     WHERE n.tenant_id = $1 AND n.series = $3
       AND (o.connection_id = k.connection_id
            OR o.environment = k.environment
               AND nullif(upper(regexp_replace(o.company_cnpj, '[^0-9A-Za-z]', '', 'g')), '')
                   = nullif(upper(regexp_replace(k.company_cnpj, '[^0-9A-Za-z]', '', 'g')), ''))
"""


async def last_given(conn: Connection, tenant: TenantId, key: SeriesKey) -> int | None:
    """The highest number that was handed out to the company; None before the first."""
    found: int | None = await conn.fetchval(LAST, tenant, key.connection_id, key.series)
    return found


PUT: Final = """
    -- rps_store.put
    INSERT INTO rps_series (tenant_id, connection_id, series, next_number, set_by, set_at, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant_id, connection_id, series) DO UPDATE
       SET next_number = excluded.next_number, set_by = excluded.set_by, set_at = excluded.set_at,
           reason = excluded.reason
"""


async def put(
    conn: Connection,
    tenant: TenantId,
    key: SeriesKey,
    *,
    next_number: int,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    """Say where a series goes on."""
    await conn.execute(PUT, tenant, key.connection_id, key.series, next_number, by, now, reason)


# Two statements, as in `elsewhere_store`: a schema distributed by tenant joins no tenants.
OWN_COMPANY: Final = """
    -- rps_store.numbered_elsewhere_any_tenant own company
    SELECT kind, lower(company_id) AS company_id, environment,
           nullif(upper(regexp_replace(company_cnpj, '[^0-9A-Za-z]', '', 'g')), '') AS cnpj
      FROM nota_connections
     WHERE tenant_id = $1 AND connection_id = $2
"""
ELSEWHERE: Final = """
    -- rps_store.numbered_elsewhere_any_tenant
    SELECT true FROM nota_connections k
      JOIN rps_series r ON r.tenant_id = k.tenant_id AND r.connection_id = k.connection_id
     WHERE (k.kind = $1 AND lower(k.company_id) = $2
            OR nullif(upper(regexp_replace(k.company_cnpj, '[^0-9A-Za-z]', '', 'g')), '') = $4)
       AND k.environment = $3 AND r.series = $5 AND k.tenant_id <> $6
     LIMIT 1
"""


async def numbered_elsewhere_any_tenant(conn: Connection, tenant: TenantId, key: SeriesKey) -> bool:
    """Say whether another tenant numbers this series of the same company."""
    mine = await conn.fetchrow(OWN_COMPANY, tenant, key.connection_id)
    if mine is None:
        return False
    return await conn.fetchval(ELSEWHERE, *mine, key.series, tenant) is True


class GivenNumber(Struct, frozen=True, kw_only=True):
    """A number that was handed out, and what became of it."""

    number: int
    bill_id: BillId
    part: int
    given_at: datetime
    refused: bool
    status: str | None  # of its nota while it has this number; None: that never left
    nota_number: str | None


NUMBERS: Final = """
    -- rps_store.numbers
    SELECT g.number, g.bill_id, g.part, g.given_at, g.refused, n.status,
           n.number AS nota_number
      FROM rps_numbers g
      LEFT JOIN notas n
        ON n.tenant_id = $1 AND n.bill_id = g.bill_id AND n.part = g.part
       AND n.revision = g.revision AND n.rps_number = g.number AND n.rps_series = g.series
     WHERE g.tenant_id = $1 AND g.connection_id = $2 AND g.series = $3 AND g.number < $4
     ORDER BY g.number DESC LIMIT $5
"""


async def numbers(
    conn: Connection, tenant: TenantId, key: SeriesKey, *, below: int, limit: int
) -> list[GivenNumber]:
    """The numbers of a series below one, the highest first."""
    rows = await conn.fetch(NUMBERS, tenant, key.connection_id, key.series, below, limit)
    return [GivenNumber(**row) for row in rows]
