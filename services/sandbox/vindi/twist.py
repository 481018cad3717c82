"""Odd bodies: the account's switches applied to what is about to be sent."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from services.sandbox.vindi.faults import Faults
from services.sandbox.vindi.records import Json

_MONEY: Final = frozenset({"amount", "price"})


def twisted(body: Json, faults: Faults) -> Json:
    """Apply the switches; the body itself when none is on."""
    if not (
        faults.money_as_number
        or faults.metadata_as_list
        or faults.unknown_fields
        or faults.status_words
        or faults.padding_bytes
    ):
        return body
    made: Json = _twist(body, faults)
    if faults.padding_bytes:
        made["padding"] = "x" * faults.padding_bytes
    return made


def _twist(value: Any, faults: Faults) -> Any:
    if isinstance(value, list):
        return [_twist(inner, faults) for inner in value]
    if not isinstance(value, dict):
        return value
    made = {name: _member(name, inner, faults) for name, inner in value.items()}
    if faults.unknown_fields and "id" in made:
        made["novo_campo"] = {"valor": [1, None, "x"]}
    return made


def _member(name: str, value: Any, faults: Faults) -> Any:
    if name == "metadata" and not value and faults.metadata_as_list:
        return []
    if name == "status" and isinstance(value, str):
        return faults.status_words.get(value, value)
    if name in _MONEY and isinstance(value, str) and faults.money_as_number:
        try:
            return float(Decimal(value))
        except InvalidOperation:
            return value
    return _twist(value, faults)
