"""Every column that holds sealed values, and what else each of them is bound to.

This is the one list: stores seal and open through it, and a rotation of keys walks it. Each value
is bound to its tenant, its purpose, and the column and row that it lies in, so that one copied to
another row, even of the same tenant, does not open there.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.crypto.seal import Sealer
from shared.domain.ids import TenantId

NOBODY: Final = TenantId("-")  # whose the rows are that belong to no tenant

# Purposes of words: keyed hashes by which something sealed is found.
DOCUMENT_WORD: Final = "document"
DENIAL_WORD: Final = "denial"
REQUEST_WORD: Final = "idempotent_request"

RowKey = int | str | bytes | UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """A column of sealed values, and the columns after tenant_id that name a row of its table."""

    table: str
    column: str
    purpose: str
    keys: tuple[str, ...] = ()
    bound: tuple[str, ...] | None = None  # those of the keys a value is bound to; None: all
    of_tenants: bool = True  # else its rows belong to no tenant, and have no tenant_id
    inside: str | None = None  # the key of a jsonb column under which it lies, in hex

    @property
    def bound_keys(self) -> tuple[str, ...]:
        """The key columns a value is bound to, in the order `seal` and `open` take them."""
        return self.keys if self.bound is None else self.bound

    def seal(self, sealer: Sealer, tenant: TenantId, value: bytes, *key: RowKey) -> bytes:
        """Seal a value for the row of this key."""
        row = self.row(key)
        return sealer.seal(value, tenant=tenant, purpose=self.purpose, row=row)

    def open(self, sealer: Sealer, tenant: TenantId, sealed: bytes, *key: RowKey) -> bytes:
        """Open a value of the row of this key; raises UnsealError when it is not that row's."""
        row = self.row(key)
        return sealer.unseal(sealed, tenant=tenant, purpose=self.purpose, row=row)

    def row(self, key: tuple[RowKey, ...]) -> str:
        """What names one row: each part with its length, so that no two keys read the same."""
        bound = self.keys if self.bound is None else self.bound
        if len(key) != len(bound):
            raise TypeError(f"{self.table}.{self.column} is bound to {bound}")
        name = f"{self.table}.{self.column}"
        for one in key:  # by hand: several values of every sale are sealed
            part = one.hex() if type(one) is bytes else str(one)
            name = f"{name}|{len(part)}:{part}"
        return name


_BILL: Final = ("bill_id",)
_NOTA: Final = ("bill_id", "part", "revision")
_PERSON: Final = ("person_id",)

VINDI_KEY: Final = SealedColumn(table="vindi_connections", column="api_key", purpose="vindi_key")
ISSUER_KEY: Final = SealedColumn(table="issuer_connections", column="api_key", purpose="issuer_key")
NOTA_CONNECTION_KEY: Final = SealedColumn(
    table="nota_connections", column="api_key", purpose="issuer_key", keys=("connection_id",)
)
WEBHOOK_SECRET: Final = SealedColumn(
    table="webhook_secrets",
    column="sealed",
    purpose="webhook_secret",
    keys=("source", "secret_hash"),
)
STATUS_WEBHOOK: Final = SealedColumn(
    table="status_webhooks", column="secret", purpose="status_webhook"
)
# The database says when an event came; its id is enough to tell it from every other.
EVENT: Final = SealedColumn(
    table="events",
    column="body",
    purpose="event",
    keys=("received_at", "event_id"),
    bound=("event_id",),
)
BILL: Final = SealedColumn(table="bills", column="body", purpose="bill", keys=_BILL)
CUSTOMER: Final = SealedColumn(table="sales", column="customer", purpose="customer", keys=_BILL)
UNREAD: Final = SealedColumn(table="sales", column="unread", purpose="unread", keys=_BILL)
REQUEST: Final = SealedColumn(table="notas", column="request", purpose="nota", keys=_NOTA)
REASON: Final = SealedColumn(table="notas", column="reason", purpose="reason", keys=_NOTA)
UNKNOWN_DENIAL: Final = SealedColumn(
    table="unknown_denials", column="reason", purpose="reason", keys=("denial_group",)
)
FOREIGN_DOCUMENT: Final = SealedColumn(
    table="foreign_notas", column="document", purpose="foreign_document", keys=("issuer_id",)
)
BACKFILL_BILL: Final = SealedColumn(
    table="backfill_bills", column="body", purpose="bill", keys=("backfill_id", "bill_id")
)
BACKFILL_CUSTOMER: Final = SealedColumn(
    table="backfill_customers",
    column="body",
    purpose="customer",
    keys=("backfill_id", "customer_id"),
)
KEPT_ANSWER: Final = SealedColumn(
    table="idempotency_keys",
    column="response",
    purpose="idempotent_answer",
    keys=("actor", "key"),
    inside="sealed",
)
ERASED_WHO: Final = SealedColumn(
    table="erasures", column="who", purpose="erasure", keys=("erasure_id",)
)
LINK_EMAIL: Final = SealedColumn(
    table="person_links", column="email", purpose="link_email", keys=("token_hash",)
)
PERSON_EMAIL: Final = SealedColumn(
    table="people", column="email", purpose="person_email", keys=_PERSON, of_tenants=False
)
PERSON_TOTP: Final = SealedColumn(
    table="people", column="totp", purpose="person_totp", keys=_PERSON, of_tenants=False
)
IDENTITY: Final = SealedColumn(
    table="person_identities",
    column="identity",
    purpose="person_identity",
    keys=("identity_word",),
    of_tenants=False,
)

SEALED: Final = (
    VINDI_KEY,
    ISSUER_KEY,
    NOTA_CONNECTION_KEY,
    WEBHOOK_SECRET,
    STATUS_WEBHOOK,
    EVENT,
    BILL,
    CUSTOMER,
    UNREAD,
    REQUEST,
    REASON,
    UNKNOWN_DENIAL,
    FOREIGN_DOCUMENT,
    BACKFILL_BILL,
    BACKFILL_CUSTOMER,
    KEPT_ANSWER,
    ERASED_WHO,
    LINK_EMAIL,
    PERSON_EMAIL,
    PERSON_TOTP,
    IDENTITY,
)
