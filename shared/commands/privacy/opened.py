"""Rows of ours as whoever they are about may read them: sealed values opened, secrets left out."""

from collections.abc import Mapping
from typing import Any, Final

from shared.crypto.seal import Sealer, UnsealError
from shared.db.sealed_columns import SEALED
from shared.domain.ids import TenantId
from shared.net.json_bytes import read_json

_PURPOSES: Final = {(one.table, one.column): one.purpose for one in SEALED}
# Keys and words of ours, which are nobody's data and open doors.
_SECRET: Final = frozenset({"vindi_key", "issuer_key", "webhook_secret", "status_webhook"})
_LEFT_OUT: Final = frozenset(
    {"tenant_id", "key_word", "document_word", "secret_hash", "token_hash", "once_word", "seen"}
)
UNREADABLE: Final = "(ilegível)"


def opened_row(
    sealer: Sealer, tenant: TenantId, table: str, row: Mapping[str, Any]
) -> dict[str, Any]:
    """A row with what is sealed in it as JSON or text; no key, secret or hash."""
    return {
        name: opened_value(sealer, tenant, table, name, value)
        for name, value in row.items()
        if name not in _LEFT_OUT and _PURPOSES.get((table, name)) not in _SECRET
    }


def opened_value(sealer: Sealer, tenant: TenantId, table: str, column: str, value: Any) -> Any:
    """A value of a column; what cannot be opened any more says so."""
    purpose = _PURPOSES.get((table, column))
    if purpose is None or not value:
        return value
    try:
        plain = sealer.unseal(value, tenant=tenant, purpose=purpose)
    except UnsealError:
        return UNREADABLE
    try:
        return read_json(plain)
    except ValueError:
        return plain.decode("utf-8", "replace")
