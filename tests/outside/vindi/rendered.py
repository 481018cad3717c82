"""A record of an account as the JSON of Vindi's answers and events."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.outside.vindi.records import BRASILIA, Account, Readings, Record, now

TOP_LEVEL_ONLY = ("bill", "customer")  # of a charge
TOP_LEVEL_ONLY_OF_TRANSACTIONS = ("updated_at", "charge", "customer", "payment_method")
BLANKS = ("code", "email", "description", "registry_code", "gateway_message")


def rendered(account: Account, kind: str, record: Record) -> Any:
    """The record as `GET /<kind>s/{id}` gives it; a list's rows are the same."""
    return _value(account.readings, "", _shape(account, kind, record))


def _shape(account: Account, kind: str, record: Record) -> Record:
    if kind == "bill":
        charges = record["charges"]
        if isinstance(charges, list):
            charges = [_nested_charge(account, each) if each else each for each in charges]
        return {**record, "charges": charges}
    if kind == "charge":
        return {**record, "last_transaction": _last(account, record)}
    return record


def _nested_charge(account: Account, charge: Record) -> Record:
    kept = {name: value for name, value in charge.items() if name not in TOP_LEVEL_ONLY}
    return {**kept, "last_transaction": _last(account, charge)}


def _last(account: Account, charge: Record) -> Record | None:
    """What a charge shows of its transactions."""
    match account.readings.last:
        case "null":
            return None
        case "paying":
            made = [
                each
                for each in account.transactions.values()
                if (each["charge"] or {}).get("id") == charge["id"]
                and each["transaction_type"] != "refund"
            ]
            return _nested_transaction(made[-1] if made else None)
    return _nested_transaction(charge["last_transaction"])


def _nested_transaction(transaction: Record | None) -> Record | None:
    if transaction is None:
        return None
    left_out = TOP_LEVEL_ONLY_OF_TRANSACTIONS
    return {name: value for name, value in transaction.items() if name not in left_out}


def _value(readings: Readings, name: str, value: Any) -> Any:
    if name == "metadata" and not value:
        return [] if readings.metadata == "[]" else {}
    match value:
        case dict():
            return {key: _value(readings, key, each) for key, each in value.items()}
        case list():
            return [_value(readings, "", each) for each in value]
        case datetime():
            return instant(readings, value)
        case Decimal():
            return float(value) if readings.numbers else money(value)
        case int() if (name == "id" or name.endswith("_id")) and readings.ids != "number":
            return str(value) if readings.ids == "text" else float(value)
        case None if name in BLANKS and readings.blank == "":
            return ""
    return value


def money(amount: Decimal) -> str:
    """ "100.0", "79.9", "49.88", "-1.2": no zeros beyond one decimal."""
    text = f"{amount:.2f}"
    return text.removesuffix("0")


def instant(readings: Readings, at: datetime) -> str:
    """Brasília's time; milliseconds only while it is fresh, cut and not rounded."""
    fresh = readings.milliseconds and now() - at < timedelta(seconds=1)
    thousandths = at.microsecond // 1000 if fresh else 0
    local = at.astimezone(BRASILIA)
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%dT%H:%M:%S}.{thousandths:03d}{offset[:3]}:{offset[3:]}"
