"""Every column of sealed values: what it is sealed for, and how its rows are found.

Rotation seals them afresh, what is given out opens them; a column that is not here does neither.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """One column of sealed values: its purpose, and the key columns after tenant_id."""

    table: str
    column: str
    purpose: str
    keys: tuple[tuple[str, str], ...] = ()  # name and SQL type
    of_tenants: bool = True  # else its rows belong to no tenant, and have no tenant_id


_BILL: Final = (("bill_id", "bigint"),)
SEALED: Final = (
    Sealed(table="vindi_connections", column="api_key", purpose="vindi_key"),
    Sealed(table="issuer_connections", column="api_key", purpose="issuer_key"),
    Sealed(
        table="nota_connections",
        column="api_key",
        purpose="issuer_key",
        keys=(("connection_id", "integer"),),
    ),
    Sealed(
        table="webhook_secrets",
        column="sealed",
        purpose="webhook_secret",
        keys=(("source", "text"), ("secret_hash", "bytea")),
    ),
    Sealed(table="status_webhooks", column="secret", purpose="status_webhook"),
    Sealed(
        table="events",
        column="body",
        purpose="event",
        keys=(("received_at", "timestamptz"), ("event_id", "uuid")),
    ),
    Sealed(table="bills", column="body", purpose="bill", keys=_BILL),
    Sealed(table="sales", column="customer", purpose="customer", keys=_BILL),
    Sealed(table="sales", column="unread", purpose="unread", keys=_BILL),
    Sealed(
        table="notas",
        column="request",
        purpose="nota",
        keys=(*_BILL, ("part", "smallint"), ("revision", "integer")),
    ),
    Sealed(
        table="notas",
        column="reason",
        purpose="reason",
        keys=(*_BILL, ("part", "smallint"), ("revision", "integer")),
    ),
    Sealed(
        table="backfill_bills",
        column="body",
        purpose="bill",
        keys=(("backfill_id", "text"), *_BILL),
    ),
    Sealed(
        table="backfill_customers",
        column="body",
        purpose="customer",
        keys=(("backfill_id", "text"), ("customer_id", "bigint")),
    ),
    Sealed(
        table="erasures",
        column="who",
        purpose="erasure",
        keys=(("erasure_id", "text"),),
    ),
    Sealed(
        table="person_links", column="email", purpose="link_email", keys=(("token_hash", "bytea"),)
    ),
    Sealed(
        table="people",
        column="email",
        purpose="person_email",
        keys=(("person_id", "text"),),
        of_tenants=False,
    ),
    Sealed(
        table="people",
        column="totp",
        purpose="person_totp",
        keys=(("person_id", "text"),),
        of_tenants=False,
    ),
    Sealed(
        table="person_identities",
        column="identity",
        purpose="person_identity",
        keys=(("identity_word", "bytea"),),
        of_tenants=False,
    ),
)
