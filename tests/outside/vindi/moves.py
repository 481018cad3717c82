"""What happens in a Vindi account: sales, payments, refunds, and the news each of them makes."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.outside.vindi.records import (
    METHODS,
    Account,
    Record,
    is_settled,
    last_second,
    lines_of,
    midnight,
    now,
    short,
)

Line = tuple[Record, str] | tuple[Record, str, Record]  # product, reais, what else it says


def sell(
    account: Account,
    customer: Record,
    lines: Sequence[Line],
    *,
    status: str = "pending",
    method: str = "credit_card",
    at: datetime | None = None,
    **changes: Any,
) -> Record:
    """A bill, with one open charge unless it is in review, scheduled or costs nothing."""
    at = at or now()
    bill: Record = {
        "id": account.new_id(),
        "code": None,
        "amount": Decimal(0),
        "installments": 1,
        "status": status,
        "seen_at": None,
        "billing_at": None,
        "due_at": None if method == "credit_card" else last_second(at + timedelta(days=3)),
        "created_at": at,
        "updated_at": at,
        "bill_items": [_line(account, *line) for line in lines],
        "charges": [],
        "customer": short(customer),
        "period": None,
        "subscription": None,
        "metadata": {},
        "payment_profile": None,
        "payment_condition": None,
    }
    bill["url"] = f"https://app.vindi.com.br/customer/bills/{bill['id']}?token=x"
    bill.update(changes)
    bill["amount"] = changes.get("amount", lines_of(bill))
    account.bills[bill["id"]] = bill
    if status == "pending" and bill["amount"] > 0:
        add_charge(account, bill, method=method, at=at)
    account.news.append(("bill_created", bill))
    return bill


def add_charge(
    account: Account,
    bill: Record,
    *,
    method: str = "credit_card",
    at: datetime | None = None,
    amount: Decimal | None = None,
) -> Record:
    at = at or now()
    name, kind = METHODS[method]
    charge: Record = {
        "id": account.new_id(),
        "amount": bill["amount"] if amount is None else amount,
        "status": "pending",
        "due_at": last_second(at + timedelta(days=3)),
        "paid_at": None,
        "installments": 1,
        "attempt_count": 0,
        "next_attempt": None,
        "print_url": None,
        "created_at": at,
        "updated_at": at,
        "last_transaction": None,
        "payment_method": {
            "id": 11,
            "public_name": name,
            "name": name,
            "code": method,
            "type": kind,
        },
        "bill": {"id": bill["id"], "code": bill["code"]},
        "customer": bill["customer"],
    }
    account.charges[charge["id"]] = charge
    bill["charges"].append(charge)
    if account.readings.registers and method == "online_bank_slip":
        kind = account.readings.registers
        add_transaction(account, charge, kind, amount=charge["amount"], at=at)
    account.news.append(("charge_created", charge))
    return charge


def add_transaction(
    account: Account,
    charge: Record | None,
    kind: str,
    *,
    status: str = "success",
    amount: Decimal,
    at: datetime | None = None,
    newest: bool = True,
) -> Record:
    at = at or now()
    made: Record = {
        "id": account.new_id(),
        "transaction_type": kind,
        "status": status,
        "amount": amount,
        "installments": 1 if kind != "refund" else None,
        "gateway_message": None,
        "gateway_response_code": None,
        "gateway_authorization": "",
        "gateway_transaction_id": None,
        "gateway_response_fields": None,
        "fraud_detector_score": None,
        "fraud_detector_status": None,
        "fraud_detector_id": None,
        "created_at": at,
        "updated_at": at,
        "gateway": {"id": 1, "connector": "fake"},
        "payment_profile": None,
        "charge": None if charge is None else {"id": charge["id"]},
        "customer": None if charge is None else charge["customer"],
        "payment_method": None if charge is None else charge["payment_method"],
    }
    account.transactions[made["id"]] = made
    if charge is not None and newest:
        charge["last_transaction"] = made
    return made


def pay(
    account: Account,
    bill: Record,
    *,
    charge: Record | None = None,
    paid_at: datetime | None = None,
    recorded_at: datetime | None = None,
    amount: Decimal | None = None,
) -> Record:
    """One charge is paid; the bill with it when all that is owed is there."""
    recorded_at = recorded_at or now()
    charge = charge or next(each for each in bill["charges"] if each["status"] == "pending")
    by_day = charge["payment_method"]["code"] in {"online_bank_slip", "cash"}
    charge["paid_at"] = paid_at or (midnight(recorded_at) if by_day else recorded_at)
    charge["status"] = "paid"
    charge["attempt_count"] += 1
    charge["updated_at"] = recorded_at
    kind = "charge" if by_day else "capture"
    got = charge["amount"] if amount is None else amount
    last = charge["last_transaction"] or {}
    registered = last.get("transaction_type") == account.readings.registers
    if charge["payment_method"]["code"] == "online_bank_slip" and registered:
        last.update(updated_at=recorded_at, amount=got)
    else:
        add_transaction(account, charge, kind, amount=got, at=recorded_at)
    paid = sum((each["amount"] for each in bill["charges"] if is_settled(each)), Decimal(0))
    bill["updated_at"] = recorded_at
    if paid >= bill["amount"] and bill["status"] == "pending":
        bill["status"] = "paid"
        account.news.append(("bill_paid", bill))
    return charge


def reject(account: Account, bill: Record, *, charge: Record | None = None) -> None:
    """A card is refused; of a charge that is paid already too: a recapture, a late second try."""
    charge = charge or bill["charges"][-1]
    charge["attempt_count"] += 1
    charge["updated_at"] = now()
    add_transaction(account, charge, "authorization", status="rejected", amount=charge["amount"])
    account.news.append(("charge_rejected", charge))


def refund(
    account: Account,
    bill: Record,
    amount: Decimal | None = None,
    *,
    cancel_bill: bool = False,
    status: str = "success",
    charge: Record | None = None,
) -> Record:
    """Money is given back: a transaction, and of a whole charge what the readings say."""
    charge = charge or next(each for each in bill["charges"] if each["paid_at"] is not None)
    whole = amount is None
    made = add_transaction(
        account,
        charge,
        "refund",
        amount=charge["amount"] if amount is None else amount,
        status=status,
    )
    if whole and status == "success":
        _undone(account, bill, charge, cancel_bill=cancel_bill)
    account.news.append(("charge_refunded", charge))
    return made


def _undone(account: Account, bill: Record, charge: Record, *, cancel_bill: bool) -> None:
    charge["status"] = account.readings.full_refund
    charge["updated_at"] = now()
    left = [each for each in bill["charges"] if is_settled(each)]
    if cancel_bill and account.readings.cancels_with_refund:
        bill["status"], bill["amount"] = "canceled", Decimal(0)
    elif not left:
        bill["status"] = account.readings.refunded_bill
    bill["updated_at"] = now()
    if bill["status"] == "canceled":
        account.news.append(("bill_canceled", bill))


def charge_back(account: Account, bill: Record) -> None:
    """The card's owner has it undone: the papers allow two shapes."""
    charge = bill["charges"][-1]
    if account.readings.chargeback == "refund":
        add_transaction(account, charge, "refund", amount=charge["amount"])
        account.news.append(("charge_refunded", charge))
    else:
        charge["status"] = "canceled"
        charge["updated_at"] = bill["updated_at"] = now()
        account.news.append(("charge_canceled", charge))


def cancel(account: Account, bill: Record) -> None:
    """The bill ends: `amount` says 0.0 from now on, lines and charges keep theirs."""
    bill["status"], bill["amount"] = "canceled", Decimal(0)
    bill["updated_at"] = now()
    for charge in bill["charges"]:
        if charge["status"] in {"pending", "processing", "fraud_review"}:
            charge["status"] = "canceled"
            charge["updated_at"] = now()
            account.news.append(("charge_canceled", charge))
    account.news.append(("bill_canceled", bill))


def reissue(account: Account, bill: Record, method: str = "pix") -> Record:
    """Another charge of the same bill; the old one ends, or by the other reading does not."""
    old = bill["charges"][-1]
    old["status"] = account.readings.reissued
    old["updated_at"] = now()
    account.news.append(("charge_canceled", old))
    bill["updated_at"] = now()
    return add_charge(account, bill, method=method)


def unpay(account: Account, bill: Record) -> None:
    """A payment entered by mistake is taken away again: nothing says so but the bill."""
    charge = bill["charges"][-1]
    charge["status"], charge["paid_at"] = "pending", None
    charge["last_transaction"] = None
    account.transactions = {
        number: each
        for number, each in account.transactions.items()
        if (each["charge"] or {}).get("id") != charge["id"]
    }
    charge["updated_at"] = bill["updated_at"] = now()
    bill["status"] = "pending"


def approve(account: Account, bill: Record) -> None:
    """A bill in review, or scheduled, becomes one that is owed."""
    bill["status"] = "pending"
    bill["updated_at"] = now()
    if bill["amount"] > 0:
        add_charge(account, bill)
    account.news.append(("bill_created", bill))


def edit(account: Account, bill: Record, lines: Iterable[Line]) -> None:
    """What an open bill is for changes; no event says so."""
    bill["bill_items"] = [_line(account, *line) for line in lines]
    bill["amount"] = lines_of(bill)
    for charge in bill["charges"]:
        if charge["status"] == "pending":
            charge["amount"] = bill["amount"]
            charge["updated_at"] = now()
    bill["updated_at"] = now()


def _line(account: Account, product: Record, reais: str, says: Record | None = None) -> Record:
    return {
        "id": account.new_id(),
        "amount": Decimal(reais),
        "quantity": None,
        "pricing_range_id": None,
        "description": None,
        "pricing_schema": None,
        "product": {name: product[name] for name in ("id", "name", "code")},
        "product_item": None,
        "discount": None,
        **(says or {}),
    }
