"""Whether a raw event that names no bill of ours is about somebody."""

from collections.abc import Collection, Sequence
from typing import Final

from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.db.privacy.person_read import PersonEvent
from shared.domain.ids import TenantId
from shared.domain.privacy.who import mentions
from shared.net.json_bytes import read_json

_DEEPEST: Final = 20


def is_theirs(
    sealer: Sealer,
    tenant: TenantId,
    event: PersonEvent,
    *,
    words: Sequence[str],
    customers: Collection[int],
) -> bool:
    """Say whether an event names one of these customers, by number or by a word of theirs."""
    if not event.body:
        return False
    try:
        body = columns.EVENT.open(sealer, tenant, event.body, event.event_id)
    except UnsealError:
        return False
    if mentions(body.decode("utf-8", "replace"), words):
        return True
    # Most events are of others: where no number is among the letters, no JSON is read.
    if not any(str(number).encode() in body for number in customers):
        return False
    try:
        return bool(_customers_in(read_json(body)) & set(customers))
    except ValueError:
        return False


def _customers_in(value: object, depth: int = 0) -> set[int]:
    """The numbers of customers that an event's JSON names, wherever in it."""
    if depth > _DEEPEST:
        return set()
    if isinstance(value, list):
        return {one for part in value for one in _customers_in(part, depth + 1)}
    if not isinstance(value, dict):
        return set()
    within = {one for part in value.values() for one in _customers_in(part, depth + 1)}
    customer = value.get("customer")
    number = customer.get("id") if isinstance(customer, dict) else None
    is_number = isinstance(number, int) or (isinstance(number, str) and number.isdecimal())
    return within | {int(number)} if is_number and number is not None else within
