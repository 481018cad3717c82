"""Bills and customers as they are kept: the JSON that Vindi sent, sealed (design D14)."""

from collections.abc import Mapping
from typing import Any

import structlog

from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.domain.bill import Bill, Customer
from shared.domain.ids import BackfillId, BillId, CustomerId, TenantId
from shared.net.json_bytes import read_json, write_json
from shared.vindi.client import Read
from shared.vindi.errors import UnreadableBillError
from shared.vindi.payloads import read_bill, read_customer

log = structlog.get_logger()


def seal_bill(sealer: Sealer, tenant: TenantId, bill: BillId, raw: Mapping[str, Any]) -> bytes:
    """Seal a bill's JSON as it came, to be kept as that bill."""
    return columns.BILL.seal(sealer, tenant, write_json(raw), bill)


def open_bill(sealer: Sealer, tenant: TenantId, bill: BillId, body: bytes) -> Read[Bill]:
    """Read a sealed bill again; raises UnsealError, UnreadableBillError."""
    raw = read_json(columns.BILL.open(sealer, tenant, body, bill))
    return Read(raw=raw, value=read_bill(raw))


def reopen_bill(sealer: Sealer, tenant: TenantId, bill: BillId, body: bytes) -> Read[Bill] | None:
    """Read a sealed bill again; None where it cannot be any more: Vindi is then asked for it.

    A damaged row, or one from before its readers were bounded, must not stop what reads many.
    """
    try:
        return open_bill(sealer, tenant, bill, body)
    except (UnsealError, UnreadableBillError, ValueError) as error:
        log.warning("bill_row_unreadable", tenant_id=tenant, error=type(error).__name__)
        return None


def seal_customer(sealer: Sealer, tenant: TenantId, bill: BillId, raw: Mapping[str, Any]) -> bytes:
    """Seal a customer's JSON as it came, to be kept with one sale."""
    return columns.CUSTOMER.seal(sealer, tenant, write_json(raw), bill)


def open_customer(sealer: Sealer, tenant: TenantId, bill: BillId, body: bytes) -> Customer:
    """Read the sealed customer of a sale again; raises UnsealError."""
    return read_customer(read_json(columns.CUSTOMER.open(sealer, tenant, body, bill)))


def seal_backfill_bill(
    sealer: Sealer, tenant: TenantId, run: BackfillId, bill: BillId, raw: Mapping[str, Any]
) -> bytes:
    """Seal a bill's JSON for as long as a backfill needs it."""
    return columns.BACKFILL_BILL.seal(sealer, tenant, write_json(raw), run, bill)


def open_backfill_bill(
    sealer: Sealer, tenant: TenantId, run: BackfillId, bill: BillId, body: bytes
) -> Read[Bill]:
    """Read it again; raises UnsealError, UnreadableBillError."""
    raw = read_json(columns.BACKFILL_BILL.open(sealer, tenant, body, run, bill))
    return Read(raw=raw, value=read_bill(raw))


def seal_backfill_customer(
    sealer: Sealer, tenant: TenantId, run: BackfillId, customer: CustomerId, raw: Mapping[str, Any]
) -> bytes:
    """Seal a customer's JSON for as long as a backfill needs it."""
    return columns.BACKFILL_CUSTOMER.seal(sealer, tenant, write_json(raw), run, customer)


def open_backfill_customer(
    sealer: Sealer, tenant: TenantId, run: BackfillId, customer: CustomerId, body: bytes
) -> Customer:
    """Read it again; raises UnsealError."""
    raw = read_json(columns.BACKFILL_CUSTOMER.open(sealer, tenant, body, run, customer))
    return read_customer(raw)
