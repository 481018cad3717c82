"""Vindi's JSON, read into our types.

Shapes are those of vindi-api, sections 4 and 6: money as text or number, `""` for null, numeric
codes, absent lists, unknown fields and words. What would make a nota wrong is refused instead.

What is let through is bounded, so that nothing later can fail for its size: instants lie in this
century, ids fit 64 bits, sums of a bill's lines do too, texts have an end.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

from msgspec import Struct

from shared.domain.bill import (
    Address,
    Bill,
    BillLine,
    BillStatus,
    Charge,
    Customer,
    Payment,
    Refund,
    is_payment,
)
from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.domain.misread import as_meant
from shared.domain.money import Cents, read_reais
from shared.domain.party import normalise_cep, normalise_document
from shared.domain.text.unsaid import UNSAID_BEGINS, is_unsaid
from shared.vindi.errors import UnreadableBillError

T = TypeVar("T")
MOST_ID: Final = 2**63 - 1
LONGEST_CODE: Final = 255
LONGEST_TEXT: Final = 2000
# Vindi is of 2013. What a later year leads to (a guarantee of 365 days) still has a date.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2101, 1, 1, tzinfo=UTC)
MOST_ROWS: Final = 2000  # lines of a bill, or charges
MOST_PHONES: Final = 20
_FRACTION: Final = re.compile(r"[0-9]{1,9}\.[0-9]{1,12}")
MOST_AMOUNT: Final = 10**13  # centavos; `MOST_ROWS` of them still fit 64 bits


class Merchant(Struct, frozen=True, kw_only=True):
    """The Vindi account a key belongs to."""

    id: int
    name: str
    registry_code: str | None  # without punctuation
    status: str | None  # `active` and `trial` are good


class BilledCharge(Struct, frozen=True, kw_only=True):
    """A charge as `/charges` shows it: with its bill."""

    bill_id: BillId
    charge: Charge


def read_bill(json: object) -> Bill:
    """Read a bill, whole or as a webhook carries it; raise UnreadableBillError.

    Refused are a bill without id, status, amount, customer or times, a status we do not know, and
    money or times that cannot be read: to act on any of them would be a guess.
    """
    bill = _object(json, "bill")
    created_at = _needed(bill, "created_at", read_second)
    customer = _object(bill.get("customer"), "customer")
    plan = _part(_part(bill, "subscription"), "plan")
    return Bill(
        id=BillId(_id_of(bill)),
        code=_code(bill, "code"),
        status=_needed(bill, "status", BillStatus),
        amount=_needed(bill, "amount", _amount),
        lines=tuple(_line(row) for row in _rows(bill, "bill_items")),
        charges=tuple(read_charge(row) for row in _rows(bill, "charges")),
        customer_id=CustomerId(_id_of(customer)),
        customer_name=_text(customer, "name") or "",
        customer_code=_code(customer, "code"),
        cycle=_optional(_part(bill, "period"), "cycle", _count),
        plan_code=_code(plan, "code"),
        plan_id=_optional(plan, "id", _id),
        plan_name=_code(plan, "name"),
        installments=_installments(bill.get("installments")),
        billing_at=_optional(bill, "billing_at", read_instant),
        due_at=_due_at(bill),
        created_at=created_at,
        updated_at=_optional(bill, "updated_at", read_second) or created_at,
        metadata=_metadata(_part(bill, "subscription")) | _metadata(bill),
    )


def read_charge(json: object) -> Charge:
    """Read a charge, inside its bill or alone. Its status is kept as it is, also a new one."""
    charge = _object(json, "charge")
    transaction = _part(charge, "last_transaction")
    return Charge(
        id=ChargeId(_id_of(charge)),
        status=_needed(charge, "status", _word),
        amount=_needed(charge, "amount", _amount),
        paid_at=_optional(charge, "paid_at", read_instant),
        updated_at=_optional(charge, "updated_at", read_second),
        payment_method_code=_code(_part(charge, "payment_method"), "code"),
        transaction_at=_optional(transaction, "created_at", read_instant),
        transaction_type=_text(transaction, "transaction_type"),
        transaction_status=_text(transaction, "status"),
    )


def read_billed_charge(json: object) -> BilledCharge:
    """Read a charge that stands alone, with the bill it belongs to."""
    bill = _object(_object(json, "charge").get("bill"), "charge.bill")
    return BilledCharge(bill_id=BillId(_id_of(bill)), charge=read_charge(json))


def read_refund(json: object) -> Refund | None:
    """Read a transaction; None unless it is a refund that succeeded."""
    transaction = _object(json, "transaction")
    kind, status = _text(transaction, "transaction_type"), _text(transaction, "status")
    if kind != "refund" or status != "success":
        return None
    charge = _object(transaction.get("charge"), "transaction.charge")
    return Refund(
        transaction_id=_id_of(transaction),
        charge_id=ChargeId(_id_of(charge)),
        amount=Cents(abs(_needed(transaction, "amount", _amount))),
        created_at=_needed(transaction, "created_at", read_instant),
    )


def read_payment(json: object) -> Payment | None:
    """Read a transaction; None unless it is one that brought the money of its charge."""
    transaction = _object(json, "transaction")
    if not is_payment(_text(transaction, "transaction_type"), _text(transaction, "status")):
        return None
    charge = _object(transaction.get("charge"), "transaction.charge")
    return Payment(
        charge_id=ChargeId(_id_of(charge)),
        created_at=_needed(transaction, "created_at", read_instant),
        updated_at=_optional(transaction, "updated_at", read_instant),
    )


def read_customer(json: object) -> Customer:
    """Read a customer; only its id is indispensable, since policies cover what is missing."""
    customer = _object(json, "customer")
    phones = _phones(customer)
    return Customer(
        id=CustomerId(_id_of(customer)),
        code=_code(customer, "code"),
        name=_text(customer, "name") or "",
        email=_text(customer, "email"),
        document=normalise_document(_said(customer, "registry_code")),
        phone=next(iter(phones), None),
        phones=phones,
        address=_address(_part(customer, "address")),
        updated_at=_optional(customer, "updated_at", read_second),
        metadata=_metadata(customer),
    )


def read_merchant(json: object) -> Merchant:
    """Read the account of `/merchants/current`."""
    merchant = _object(json, "merchant")
    return Merchant(
        id=_id_of(merchant),
        name=_text(merchant, "name") or _text(merchant, "company_name") or "",
        registry_code=normalise_document(_text(merchant, "registry_code")),
        status=_text(merchant, "status"),
    )


def read_instant(value: object) -> datetime:
    """Read a time with its offset into UTC; ValueError without one, or for another century."""
    if not isinstance(value, str):
        raise ValueError("not a time")  # noqa: TRY004 - one error class for callers
    return _instant(value)


@lru_cache(maxsize=4096)  # a bill tells the same few times over and over
def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError("a time without its offset")
    try:
        moment = instant.astimezone(UTC)
    except OverflowError as error:  # year 1 or 9999, beyond UTC
        raise ValueError("a time out of reach") from error
    if not EARLIEST <= moment < LATEST:
        raise ValueError("a time of another century")
    return moment


def read_second(value: object) -> datetime:
    """Read a time cut to whole seconds: sub-seconds vanish when it is read again (section 4)."""
    instant = read_instant(value)
    return instant.replace(microsecond=0) if instant.microsecond else instant


def _line(json: object) -> BillLine:
    line = _object(json, "bill_items")
    product = _part(line, "product")
    return BillLine(
        id=_id_of(line),
        product_id=_optional(product, "id", _id),
        product_code=_code(product, "code"),
        product_name=_text(product, "name") or "",
        amount=_needed(line, "amount", _amount),
        quantity=_quantity(line.get("quantity")),
        description=_text(line, "description"),
        is_discount=isinstance(line.get("discount"), Mapping),
    )


def _address(json: Mapping[str, Any]) -> Address:
    return Address(
        street=_said(json, "street"),
        number=_said(json, "number"),
        complement=_said(json, "additional_details"),
        district=_said(json, "neighborhood"),
        city=_said(json, "city"),
        state=_said(json, "state"),
        zip=normalise_cep(_said(json, "zipcode")),
        country=_said(json, "country"),
    )


def _phones(customer: Mapping[str, Any]) -> tuple[str, ...]:
    rows = customer.get("phones")
    found = rows[:MOST_PHONES] if isinstance(rows, list) else ()
    numbers = [_text(row, "number") for row in found if isinstance(row, dict)]
    return tuple(number for number in numbers if number)


def _due_at(bill: Mapping[str, Any]) -> datetime | None:
    # No nota depends on it, and a boleto that never falls due has been dated 9999.
    try:
        return read_instant(bill.get("due_at"))
    except ValueError:
        return None


def _quantity(value: object) -> float:
    """How many of a line: a meter's may have a fraction. Its amount is told beside it.

    What is no quantity (text, less than nothing) is one: no nota depends on it.
    """
    try:
        return _count(value) or 1
    except (ValueError, TypeError):
        pass
    told = str(value).replace(",", ".") if isinstance(value, str | float) else ""
    if not _FRACTION.fullmatch(told):
        return 1
    return float(told) or 1


def _installments(value: object) -> int:
    # No nota depends on them.
    try:
        return _count(value) or 1
    except (ValueError, TypeError):
        return 1


def _metadata(record: Mapping[str, Any]) -> dict[str, object]:
    # A middleman that re-encodes `{}` makes it `[]`.
    metadata = record.get("metadata")
    return dict(metadata) if isinstance(metadata, dict) else {}


def _object(json: object, what: str) -> dict[str, Any]:
    if not isinstance(json, dict):
        raise UnreadableBillError(f"{what} is missing")
    return json


def _part(json: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = json.get(name)
    return part if isinstance(part, dict) else {}


def _rows(json: Mapping[str, Any], name: str) -> list[object]:
    rows = json.get(name)
    if rows is None or rows == {}:
        return []
    if not isinstance(rows, list):
        raise UnreadableBillError(f"{name} is not a list")
    if len(rows) > MOST_ROWS:
        raise UnreadableBillError(f"{name} are too many")
    return rows


def _needed(json: Mapping[str, Any], name: str, read: Callable[[Any], T]) -> T:
    value = json.get(name)
    if value is None or value == "":
        raise UnreadableBillError(f"{name} is missing")
    try:
        return read(value)
    except (ValueError, TypeError) as error:
        raise UnreadableBillError(f"{name} cannot be read") from error


def _optional(json: Mapping[str, Any], name: str, read: Callable[[Any], T]) -> T | None:
    value = json.get(name)
    if value is None or value == "":
        return None
    try:
        return read(value)
    except (ValueError, TypeError) as error:
        raise UnreadableBillError(f"{name} cannot be read") from error


def id_in(json: Mapping[str, Any], name: str = "id") -> int | None:
    """The id a raw record says, by itself or as `{"id": …}`; None where it is none we could store.

    Never raises: for records that cannot be read otherwise.
    """
    value = json.get(name)
    try:
        return _id(value.get("id") if isinstance(value, dict) else value)
    except ValueError:
        return None


def _id_of(json: Mapping[str, Any]) -> int:
    number = json.get("id")
    if type(number) is int and 0 < number <= MOST_ID:  # as nearly always
        return number
    return _needed(json, "id", _id)


def _id(value: object) -> int:
    number = value if type(value) is int else _whole(value)
    if not 0 < number <= MOST_ID:
        raise ValueError("not an id")
    return number


def _count(value: object) -> int:
    number = value if type(value) is int else _whole(value)
    if not 0 <= number < 2**31:
        raise ValueError("not a count")
    return number


def _whole(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)  # a middleman's 4711.0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("not a whole number")  # noqa: TRY004 - one error class for callers
    return value


def _amount(value: object) -> Cents:
    amount = read_reais(value)
    if abs(amount) > MOST_AMOUNT:
        raise ValueError("not the amount of a bill")
    return amount


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a word")  # noqa: TRY004 - one error class for callers
    return value.replace("\x00", "").strip()[:LONGEST_CODE]


def _text(json: Mapping[str, Any], name: str) -> str | None:
    """Text or None; numbers become text, `""` and blanks None, NUL (PostgreSQL refuses) goes.

    What is longer than any field of a nota is cut, and what was UTF-8 and was read as something
    else (`JosÃ©`) is read again.
    """
    value = json.get(name)
    if value is None:  # most often, so first
        return None
    if type(value) is str:
        # As nearly always: nothing to cut, nor to strip, and no NUL, which is not printable.
        plain = value.isprintable() and 0 < len(value) <= LONGEST_TEXT
        if plain and value[0] != " " != value[-1]:
            return value if value.isascii() else as_meant(value)
    else:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        # No number comes with thousands of digits: they are floats by then. One of a program that
        # knows no others (11987654321.0) is a whole one.
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        value = str(int(value)) if whole else str(value)
    text = value.replace("\x00", "")[:LONGEST_TEXT].strip()
    return (text if text.isascii() else as_meant(text)) or None


def _said(json: Mapping[str, Any], name: str) -> str | None:
    """The same; None also for what a program writes where it has nothing (`null`)."""
    text = _text(json, name)
    if text is None or (text[0] in UNSAID_BEGINS and is_unsaid(text)):
        return None
    return text


def _code(json: Mapping[str, Any], name: str) -> str | None:
    code = _text(json, name)
    return code[:LONGEST_CODE] if code else None
