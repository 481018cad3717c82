"""Bills and customers as they are kept: the JSON that Vindi sent, sealed (design D14)."""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from shared.crypto.seal import Sealer, UnsealError
from shared.domain.bill import Bill, Customer
from shared.domain.ids import TenantId
from shared.net.json_bytes import read_json, write_json
from shared.vindi.client import Read
from shared.vindi.errors import UnreadableBillError
from shared.vindi.payloads import read_bill, read_customer

log = structlog.get_logger()

_BILL: Final = "bill"
_CUSTOMER: Final = "customer"


def seal_bill(sealer: Sealer, tenant: TenantId, raw: Mapping[str, Any]) -> bytes:
    """Seal a bill's JSON as it came."""
    return sealer.seal(write_json(raw), tenant=tenant, purpose=_BILL)


def open_bill(sealer: Sealer, tenant: TenantId, body: bytes) -> Read[Bill]:
    """Read a sealed bill again; raises UnsealError, UnreadableBillError."""
    raw = read_json(sealer.unseal(body, tenant=tenant, purpose=_BILL))
    return Read(raw=raw, value=read_bill(raw))


def reopen_bill(sealer: Sealer, tenant: TenantId, body: bytes) -> Read[Bill] | None:
    """Read a sealed bill again; None where it cannot be any more: Vindi is then asked for it.

    A damaged row, or one from before its readers were bounded, must not stop what reads many.
    """
    try:
        return open_bill(sealer, tenant, body)
    except (UnsealError, UnreadableBillError, ValueError) as error:
        log.warning("bill_row_unreadable", tenant_id=tenant, error=type(error).__name__)
        return None


def seal_customer(sealer: Sealer, tenant: TenantId, raw: Mapping[str, Any]) -> bytes:
    """Seal a customer's JSON as it came."""
    return sealer.seal(write_json(raw), tenant=tenant, purpose=_CUSTOMER)


def open_customer(sealer: Sealer, tenant: TenantId, body: bytes) -> Customer:
    """Read a sealed customer again; raises UnsealError."""
    return read_customer(read_json(sealer.unseal(body, tenant=tenant, purpose=_CUSTOMER)))
