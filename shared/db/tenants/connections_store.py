"""A tenant's connections to Vindi and to its issuer; keys are sealed, and never shown again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import asyncpg
from msgspec import Struct

from shared.config.secret import Secret
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db import clock
from shared.db.connection import Connection
from shared.db.restores import restore_checks_store
from shared.db.tenants import nota_connections_store
from shared.domain.ids import TenantId
from shared.domain.nota import IssuerEnvironment

Side = Literal["vindi", "issuer"]
VindiEnvironment = Literal["production", "sandbox"]

OK: Final = "ok"


class ConnectionState(Struct, frozen=True, kw_only=True):
    """Whether a connection may be used: `code` is `ok`, or the stable word of what blocks it."""

    code: str
    since: datetime
    detail: str  # no personal data
    not_before: datetime | None  # no request before this
    connected_at: datetime

    @property
    def blocked(self) -> bool:
        """A person has to act before it can be used again."""
        return self.code != OK


class VindiConnection(Struct, frozen=True, kw_only=True):
    """The Vindi account sales are read from."""

    environment: VindiEnvironment
    api_key: Secret
    key_hint: str  # the key's last characters, at most four
    merchant_name: str
    registry_code: str | None
    state: ConnectionState
    merchant_id: int | None = None  # None: connected before it was kept, and not checked since


class IssuerConnection(Struct, frozen=True, kw_only=True):
    """The issuer's account and company that notas are issued with."""

    kind: Literal["enotas"]
    environment: IssuerEnvironment
    api_key: Secret
    key_hint: str
    key_word: str  # equal for equal keys: they share their limits
    company_id: str
    company_name: str
    company_cnpj: str | None
    state: ConnectionState
    id: int | None = None  # as notas name it; of one tenant, and for good
    has_left: bool = True  # the tenant may have others, which it left


class Connections(Struct, frozen=True, kw_only=True):
    """Both sides of one tenant; None where nothing was connected yet."""

    vindi: VindiConnection | None
    issuer: IssuerConnection | None


PUT_VINDI: Final = """
    -- connections_store.put_vindi
    INSERT INTO vindi_connections AS c
           (tenant_id, environment, api_key, key_hint, merchant_name, registry_code, merchant_id,
            state_since, connected_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now())
        ON CONFLICT (tenant_id) DO UPDATE
       SET environment = excluded.environment, api_key = excluded.api_key,
           key_hint = excluded.key_hint, merchant_name = excluded.merchant_name,
           registry_code = excluded.registry_code, merchant_id = excluded.merchant_id, state = 'ok',
           state_since = excluded.state_since, state_detail = '', not_before = NULL,
           connected_at = excluded.connected_at
"""


async def put_vindi(
    conn: Connection,
    sealer: Sealer,
    tenant: TenantId,
    *,
    environment: VindiEnvironment,
    api_key: Secret,
    merchant_name: str,
    registry_code: str | None,
    merchant_id: int | None = None,
) -> None:
    """Store a key that was checked; a state that blocked the one before is forgotten."""
    sealed = columns.VINDI_KEY.seal(sealer, tenant, api_key.reveal().encode())
    hint = key_hint(api_key)
    await conn.execute(
        PUT_VINDI, tenant, environment, sealed, hint, merchant_name, registry_code, merchant_id
    )


HOLD_VINDI: Final = """
    -- connections_store.hold_vindi
    SELECT true FROM vindi_connections WHERE tenant_id = $1 AND connected_at = $2 FOR SHARE
"""


async def hold_vindi(conn: Connection, tenant: TenantId, connected_at: datetime) -> bool:
    """Keep the account that was connected then until the transaction ends; False where it is not.

    Who stores what was read through a connection asks first: it may have been read a while ago, by
    a process that was stopped, and the tenant has another account by now, or has left. Taken before
    the rows of the outbox, as by those who connect.
    """
    return bool(await conn.fetchval(HOLD_VINDI, tenant, connected_at))


LACKS_MERCHANT: Final = """
    -- connections_store.lacks_merchant
    SELECT merchant_id IS NULL FROM vindi_connections WHERE tenant_id = $1
"""
KNOW_MERCHANT: Final = """
    -- connections_store.know_merchant
    UPDATE vindi_connections SET merchant_id = $2
     WHERE tenant_id = $1 AND merchant_id IS NULL AND connected_at = $3
"""


async def lacks_merchant(conn: Connection, tenant: TenantId) -> bool:
    """Whether an account is connected of which the merchant was not kept."""
    return bool(await conn.fetchval(LACKS_MERCHANT, tenant))


async def know_merchant(
    conn: Connection, tenant: TenantId, merchant_id: int, *, connected_at: datetime
) -> None:
    """Keep whose account it is, unless another one was connected since."""
    await conn.execute(KNOW_MERCHANT, tenant, merchant_id, connected_at)


PUT_ISSUER: Final = """
    -- connections_store.put_issuer
    INSERT INTO issuer_connections AS c
           (tenant_id, kind, environment, api_key, key_hint, key_word, company_id, company_name,
            company_cnpj, company_city, company_regime, state_since, connected_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now(), now())
        ON CONFLICT (tenant_id) DO UPDATE
       SET kind = excluded.kind, environment = excluded.environment, api_key = excluded.api_key,
           key_hint = excluded.key_hint, key_word = excluded.key_word,
           company_id = excluded.company_id, company_name = excluded.company_name,
           company_cnpj = excluded.company_cnpj, company_city = excluded.company_city,
           company_regime = excluded.company_regime, state = 'ok',
           state_since = excluded.state_since, state_detail = '', not_before = NULL,
           connected_at = excluded.connected_at
"""


async def put_issuer(
    conn: Connection,
    sealer: Sealer,
    tenant: TenantId,
    *,
    kind: Literal["enotas"],
    environment: IssuerEnvironment,
    api_key: Secret,
    company_id: str,
    company_name: str,
    company_cnpj: str | None,
    company_city: str | None = None,
    company_regime: str | None = None,
) -> None:
    """Store a key that was checked; a state that blocked the one before is forgotten.

    Notas are born under it from now on; those of the one before stay with that one.
    """
    await conn.execute(
        PUT_ISSUER,
        tenant,
        kind,
        environment,
        columns.ISSUER_KEY.seal(sealer, tenant, api_key.reveal().encode()),
        key_hint(api_key),
        issuer_key_word(sealer, api_key),
        company_id,
        company_name,
        company_cnpj,
        company_city,
        company_regime,
    )
    await nota_connections_store.remember(conn, sealer, tenant)
    await restore_checks_store.want(conn, tenant)


def issuer_key_word(sealer: Sealer, key: Secret) -> str:
    """A keyed hash that is equal for equal keys, whichever tenant uses them.

    Limits of an issuer's key are shared by all tenants that use it, so its word is of no tenant.
    """
    return sealer.word(
        key.reveal(), tenant=columns.NOBODY, purpose=columns.ISSUER_KEY.purpose
    ).hex()


def key_hint(key: Secret) -> str:
    """The last four characters; fewer of a short key, so that most of it stays unknown."""
    text = key.reveal()
    return text[-min(4, len(text) // 4) :] if len(text) >= 4 else ""


# Of `vindi_connections v`, and of `issuer_connections c` with what ISSUER_JOIN finds beside it.
_STATE: Final = ("state", "state_since", "state_detail", "not_before", "connected_at")
VINDI_COLUMNS: Final = {
    name: f"v.{name}"
    for name in (
        *("environment", "api_key", "key_hint", "merchant_name", "registry_code", "merchant_id"),
        *_STATE,
    )
}
ISSUER_COLUMNS: Final = {
    **{
        name: f"c.{name}"
        for name in (
            *("kind", "environment", "api_key", "key_hint", "key_word"),
            *("company_id", "company_name", "company_cnpj"),
            *_STATE,
        )
    },
    "id": "k.connection_id",
    "has_left": """EXISTS (SELECT FROM nota_connections o
                    WHERE o.tenant_id = $1 AND o.connection_id IS DISTINCT FROM k.connection_id)""",
}
ISSUER_JOIN: Final = """
      LEFT JOIN nota_connections k
        ON k.tenant_id = $1 AND k.kind = c.kind AND lower(k.company_id) = lower(c.company_id)
       AND k.environment = c.environment AND k.key_word = c.key_word
"""


def named(columns_of: Mapping[str, str], prefix: str = "") -> str:
    """Columns as a statement asks for them, each under its name with that before it."""
    return ", ".join(f"{text} AS {prefix}{name}" for name, text in columns_of.items())


def unnamed(
    row: asyncpg.Record, columns_of: Mapping[str, str], prefix: str
) -> dict[str, Any] | None:
    """What a row says under these names; None where it has no such connection."""
    if row[f"{prefix}connected_at"] is None:
        return None
    return {name: row[f"{prefix}{name}"] for name in columns_of}


GET_VINDI: Final = f"""
    -- connections_store.get_vindi
    SELECT {named(VINDI_COLUMNS)} FROM vindi_connections v WHERE v.tenant_id = $1
"""  # noqa: S608 - only our own constants are put in


async def get_vindi(conn: Connection, sealer: Sealer, tenant: TenantId) -> VindiConnection | None:
    """The connection with its key opened; None when there is none. Raises UnsealError."""
    row = await conn.fetchrow(GET_VINDI, tenant)
    if row is None:
        return None
    return vindi_of(dict(row), sealer, tenant)


def vindi_of(fields: dict[str, Any], sealer: Sealer, tenant: TenantId) -> VindiConnection:
    """A connection by its VINDI_COLUMNS, its key opened. Raises UnsealError."""
    fields, state = _parts(fields)
    key = _secret(columns.VINDI_KEY.open(sealer, tenant, fields.pop("api_key")))
    return VindiConnection(**fields, api_key=key, state=state)


GET_ISSUER: Final = f"""
    -- connections_store.get_issuer
    SELECT {named(ISSUER_COLUMNS)} FROM issuer_connections c {ISSUER_JOIN} WHERE c.tenant_id = $1
"""  # noqa: S608 - only our own constants are put in


async def get_issuer(conn: Connection, sealer: Sealer, tenant: TenantId) -> IssuerConnection | None:
    """The connection with its key opened; None when there is none. Raises UnsealError."""
    row = await conn.fetchrow(GET_ISSUER, tenant)
    if row is not None and row["id"] is None:  # put by code that does not know of ids
        await nota_connections_store.remember(conn, sealer, tenant)
        row = await conn.fetchrow(GET_ISSUER, tenant)
    if row is None:
        return None
    return issuer_of(dict(row), sealer, tenant)


def issuer_of(fields: dict[str, Any], sealer: Sealer, tenant: TenantId) -> IssuerConnection:
    """A connection by its ISSUER_COLUMNS, its key opened. Raises UnsealError."""
    return _issuer(fields, columns.ISSUER_KEY.open(sealer, tenant, fields["api_key"]))


def left_issuer(row: asyncpg.Record, sealer: Sealer, tenant: TenantId) -> IssuerConnection:
    """A connection of before, as `nota_connections_store.left_ones` reads it, its key opened."""
    key = columns.NOTA_CONNECTION_KEY.open(sealer, tenant, row["api_key"], row["id"])
    return _issuer(dict(row), key)


def _issuer(fields: dict[str, Any], key: bytes) -> IssuerConnection:
    fields, state = _parts(fields)
    return IssuerConnection(**{**fields, "api_key": _secret(key)}, state=state)


async def get(conn: Connection, sealer: Sealer, tenant: TenantId) -> Connections:
    """Both connections of a tenant, keys opened. Raises UnsealError."""
    return Connections(
        vindi=await get_vindi(conn, sealer, tenant),
        issuer=await get_issuer(conn, sealer, tenant),
    )


# A worker may be refused with a key that was replaced meanwhile: `connected_at` tells them apart.
BLOCK: Final[dict[Side, str]] = {
    "vindi": """
    -- connections_store.block vindi
    UPDATE vindi_connections
       SET state = $2, state_detail = $3,
           state_since = CASE WHEN state = $2 THEN state_since ELSE $5 END
     WHERE tenant_id = $1 AND ($4::timestamptz IS NULL OR connected_at = $4)
""",
    "issuer": """
    -- connections_store.block issuer
    UPDATE issuer_connections
       SET state = $2, state_detail = $3,
           state_since = CASE WHEN state = $2 THEN state_since ELSE $5 END
     WHERE tenant_id = $1 AND ($4::timestamptz IS NULL OR connected_at = $4)
""",
}


async def block(
    conn: Connection,
    tenant: TenantId,
    side: Side,
    code: str,
    detail: str = "",
    *,
    connected_at: datetime | None = None,
) -> bool:
    """Mark a connection as unusable until a person acts; `code` is a stable word.

    With `connected_at` only the connection that was used is blocked, not one that replaced it
    meanwhile. Says whether a connection was marked. `detail` holds no personal data.
    """
    now = await clock.now(conn)
    return await _changed(conn, BLOCK[side], tenant, code, detail, connected_at, now)


BLOCKED_SINCE: Final = """
    -- connections_store.blocked_since
    SELECT state_since FROM vindi_connections WHERE tenant_id = $1 AND state = $2
     UNION ALL
    SELECT state_since FROM issuer_connections WHERE tenant_id = $1 AND state = $2
"""


async def blocked_since(conn: Connection, tenant: TenantId, code: str) -> datetime | None:
    """Since when a connection is blocked for this; None where none is, any more."""
    since: datetime | None = await conn.fetchval(BLOCKED_SINCE, tenant, code)
    return since


UNBLOCK: Final[dict[Side, str]] = {
    "vindi": """
    -- connections_store.unblock vindi
    UPDATE vindi_connections
       SET state = 'ok', state_detail = '', state_since = now(), not_before = NULL
     WHERE tenant_id = $1 AND state <> 'ok' AND connected_at = coalesce($2, connected_at)
""",
    "issuer": """
    -- connections_store.unblock issuer
    UPDATE issuer_connections
       SET state = 'ok', state_detail = '', state_since = now(), not_before = NULL
     WHERE tenant_id = $1 AND state <> 'ok' AND connected_at = coalesce($2, connected_at)
""",
}


async def unblock(
    conn: Connection, tenant: TenantId, side: Side, *, connected_at: datetime | None = None
) -> bool:
    """Let a blocked connection be used again; says whether it was blocked.

    Who tried the one made at `connected_at` says nothing of another that was made since.
    """
    return await _changed(conn, UNBLOCK[side], tenant, connected_at)


REFUSED: Final[dict[Side, str]] = {
    "vindi": """
    -- connections_store.refused_any_tenant vindi
    SELECT tenant_id, state, state_since, connected_at FROM vindi_connections
     WHERE state = ANY($1::text[]) AND tenant_id > $2
     ORDER BY tenant_id LIMIT $3
""",
    "issuer": """
    -- connections_store.refused_any_tenant issuer
    SELECT tenant_id, state, state_since, connected_at FROM issuer_connections
     WHERE state = ANY($1::text[]) AND tenant_id > $2
     ORDER BY tenant_id LIMIT $3
""",
}


class RefusedConnection(Struct, frozen=True, kw_only=True):
    """A connection that the other side refused, and since when."""

    tenant_id: TenantId
    side: Side
    code: str
    since: datetime
    connected_at: datetime


async def refused_any_tenant(
    conn: Connection, side: Side, codes: Sequence[str], *, after: TenantId, limit: int
) -> list[RefusedConnection]:
    """Name connections blocked with one of these codes, by tenant, beginning after one."""
    rows = await conn.fetch(REFUSED[side], list(codes), after, limit)
    return [
        RefusedConnection(
            tenant_id=row["tenant_id"],
            side=side,
            code=row["state"],
            since=row["state_since"],
            connected_at=row["connected_at"],
        )
        for row in rows
    ]


async def _changed(conn: Connection, sql: str, *values: object) -> bool:
    tag: str = await conn.execute(sql, *values)
    return not tag.endswith(" 0")


def _parts(row: Mapping[str, Any]) -> tuple[dict[str, Any], ConnectionState]:
    fields = dict(row)
    state = ConnectionState(
        code=fields.pop("state"),
        since=fields.pop("state_since"),
        detail=fields.pop("state_detail"),
        not_before=fields.pop("not_before"),
        connected_at=fields.pop("connected_at"),
    )
    return fields, state


def _secret(key: bytes) -> Secret:
    return Secret.of(key.decode())


ISSUER_COMPANY: Final = """
    -- connections_store.issuer_company
    SELECT company_id FROM issuer_connections WHERE tenant_id = $1
"""


async def issuer_company(conn: Connection, tenant: TenantId) -> str | None:
    """The company notas are issued for now; None while no issuer is connected."""
    found: str | None = await conn.fetchval(ISSUER_COMPANY, tenant)
    return found
