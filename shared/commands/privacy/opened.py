"""Rows of ours as whoever they are about may read them: sealed values opened, secrets left out."""

from collections.abc import Mapping
from typing import Any, Final

from shared.crypto import columns
from shared.crypto.columns import RowKey, SealedColumn
from shared.crypto.seal import Sealer, UnsealError
from shared.domain.ids import TenantId
from shared.net.json_bytes import read_json

_SEALED: Final = {(one.table, one.column): one for one in columns.SEALED}
# Keys and words of ours, which are nobody's data and open doors.
_SECRET: Final = frozenset(
    (one.table, one.column)
    for one in (
        columns.VINDI_KEY,
        columns.ISSUER_KEY,
        columns.NOTA_CONNECTION_KEY,
        columns.WEBHOOK_SECRET,
        columns.STATUS_WEBHOOK,
    )
)
_LEFT_OUT: Final = frozenset(
    {"tenant_id", "key_word", "document_word", "secret_hash", "token_hash", "once_word", "seen"}
)
UNREADABLE: Final = "(ilegível)"


def opened_row(
    sealer: Sealer, tenant: TenantId, table: str, row: Mapping[str, Any]
) -> dict[str, Any]:
    """A row with what is sealed in it as JSON or text; no key, secret or hash."""
    return {
        name: _shown(sealer, tenant, _SEALED.get((table, name)), value, row)
        for name, value in row.items()
        if name not in _LEFT_OUT and (table, name) not in _SECRET
    }


def _shown(
    sealer: Sealer,
    tenant: TenantId,
    column: SealedColumn | None,
    value: Any,
    row: Mapping[str, Any],
) -> Any:
    if column is None:
        return value
    return opened_value(sealer, tenant, column, value, *(row[key] for key in column.bound_keys))


def opened_value(
    sealer: Sealer, tenant: TenantId, column: SealedColumn, value: bytes | None, *key: RowKey
) -> Any:
    """A sealed value of the row of a key; what cannot be opened any more says so."""
    if not value:
        return value
    try:
        plain = column.open(sealer, tenant, value, *key)
    except UnsealError:
        return UNREADABLE
    text = plain.decode("utf-8", "replace")
    try:
        read = read_json(plain)
    except ValueError:
        return text
    return read if isinstance(read, dict | list) else text  # a document is no number
