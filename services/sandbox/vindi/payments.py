"""Payments, refunds, cancellations: how money moves at a Vindi account."""

from collections.abc import Iterable
from typing import Final

from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill, Charge, Issue, Transaction
from services.sandbox.vindi.rows import Amount, Instant, OperationRefusedError, find_row, new_row
from services.sandbox.vindi.times import (
    end_of,
    local_day,
    money,
    read_instant,
    read_money,
    start_of,
)

# Methods Vindi tries by itself, so that a sale is paid the moment it is made.
AUTOMATIC: Final = frozenset({"credit_card", "debit_card"})
# Boletos that a bank is told of as they are made.
REGISTERED: Final = frozenset({"bank_slip", "online_bank_slip", "pix_bank_slip"})
# Methods whose `paid_at` is the instant; the others get midnight of the payment day.
INSTANTANEOUS: Final = AUTOMATIC | {"pix"}


def issue_charge(account: Account, bill: Bill, *, events: bool, at: int | None = None) -> None:
    """Ask for a bill's money, unless it is worth nothing."""
    if bill.cents <= 0:
        return
    created = bill.created_ms if at is None else at
    row = Charge(
        id=account.next_id("charges"), created_ms=created, updated_ms=created, bill_id=bill.id,
        customer_id=bill.customer_id, cents=bill.cents, method=bill.method,
        due_ms=bill.due_ms or end_of(local_day(created)), installments=bill.installments,
    )  # fmt: skip
    bill.charge_ids.append(row.id)
    account.added("charges", row)
    _register(account, row)
    if events:
        account.emit("charge_created", row)


def _register(account: Account, charge: Charge) -> None:
    reading = account.faults.boleto_transactions
    if charge.method not in REGISTERED or reading == "none":
        return
    kind, status = ("charge", "waiting") if reading == "same" else ("register", "success")
    _transact(account, charge, kind, status, cents=charge.cents, at=charge.created_ms)


def approve_bill(account: Account, *, bill_id: int) -> Bill:
    """Let a bill in review go out."""
    bill: Bill = find_row(account, "bills", bill_id)
    if bill.status not in {"review", "scheduled"}:
        raise OperationRefusedError(f"bill {bill_id} is {bill.status}")
    account.changing("bills", bill)
    bill.status = "pending"
    issue_charge(account, bill, events=True, at=account.now_ms())
    account.changed("bills", bill)
    return bill


def pay_bill(
    account: Account, *, bill_id: int, paid_at: Instant | None = None,
    known_at: Instant | None = None, amount: Amount | None = None, events: bool = True,
) -> Bill:  # fmt: skip
    """Pay a bill's open charge in full, or `amount` of it (less opens an issue)."""
    bill: Bill = find_row(account, "bills", bill_id)
    if bill.status != "pending":
        raise OperationRefusedError(f"bill {bill_id} is {bill.status}")
    paid = account.now_ms() if paid_at is None else read_instant(paid_at)
    known = _known(account, paid_at, known_at, bill.method)
    account.changing("bills", bill)
    for charge in _open_charges(account, bill):
        _pay_charge(account, charge, paid, known, amount)
    bill.status = "paid"
    account.changed("bills", bill, at_ms=known)
    if events:
        account.emit("bill_paid", bill)
    return bill


def _known(account: Account, paid: Instant | None, known: Instant | None, method: str) -> int:
    if known is not None:
        return read_instant(known)
    if paid is not None and method in INSTANTANEOUS:
        return read_instant(paid)
    return account.now_ms()


def _open_charges(account: Account, bill: Bill) -> list[Charge]:
    charges = (account.charges.rows[i] for i in bill.charge_ids)
    return [c for c in charges if c.status in {"pending", "processing", "fraud_review"}]


def _pay_charge(
    account: Account, charge: Charge, paid: int, known: int, amount: Amount | None
) -> None:
    account.changing("charges", charge)
    cents = charge.cents if amount is None else read_money(amount)
    instantaneous = charge.method in INSTANTANEOUS
    charge.status = "paid"
    charge.paid_ms = paid // 1000 * 1000 if instantaneous else start_of(local_day(paid))
    charge.attempt_count += charge.method in AUTOMATIC
    charge.next_attempt_ms = None
    kind = "capture" if charge.method in AUTOMATIC else "charge"
    waiting = _waiting(account, charge)
    if waiting is None:
        _transact(account, charge, kind, "success", cents=cents, at=known)
    else:
        waiting.status, waiting.cents = "success", cents
        if account.faults.transactions_move:
            account.changed("transactions", waiting, at_ms=known)
    account.changed("charges", charge, at_ms=known)
    if cents < charge.cents:
        data = {"expected_amount": money(charge.cents), "transaction_amount": money(cents)}
        issue = Issue(
            **new_row(account, "issues", None, known / 1000), customer_id=charge.customer_id,
            item_id=charge.id, data=data,
        )  # fmt: skip
        account.added("issues", issue)
        account.emit("issue_created", issue)


def _transact(
    account: Account, charge: Charge, kind: str, status: str, *, cents: int, at: int
) -> Transaction:
    row = Transaction(
        id=account.next_id("transactions"), created_ms=at, updated_ms=at, charge_id=charge.id,
        customer_id=charge.customer_id, kind=kind, status=status, cents=cents,
        message={"success": "Aprovado", "rejected": "Cartão recusado"}.get(status)
        if kind != "refund" else None, method=charge.method,
    )  # fmt: skip
    charge.transaction_ids.append(row.id)
    account.added("transactions", row)
    return row


def _waiting(account: Account, charge: Charge) -> Transaction | None:
    rows = (account.transactions.rows[i] for i in charge.transaction_ids)
    return next((row for row in rows if row.status == "waiting"), None)


def touch(account: Account, *, bill_id: int) -> Charge:
    """Move a charge's `updated_at` and nothing else; no event tells of it."""
    bill: Bill = find_row(account, "bills", bill_id)
    charge: Charge = account.charges.rows[bill.charge_ids[0]]
    account.changing("charges", charge)
    if account.faults.touch_reaches_transactions:
        for number in charge.transaction_ids:
            account.changed("transactions", account.transactions.rows[number])
    account.changed("charges", charge)
    return charge


def pay_again(
    account: Account, *, bill_id: int, paid_at: Instant | None = None, events: bool = True
) -> Charge:
    """Let a paid bill be paid a second time, by a charge of its own (an old boleto, say)."""
    bill: Bill = find_row(account, "bills", bill_id)
    account.changing("bills", bill)
    before = bill.cents
    bill.cents = before or sum(line.cents for line in bill.lines)
    issue_charge(account, bill, events=False, at=account.now_ms())
    bill.cents = before
    charge: Charge = account.charges.rows[bill.charge_ids[-1]]
    paid = account.now_ms() if paid_at is None else read_instant(paid_at)
    _pay_charge(account, charge, paid, account.now_ms(), None)
    account.changed("bills", bill)
    if events:
        account.emit("bill_paid", bill)
    return charge


def reject_attempt(account: Account, *, bill_id: int, last: bool = False) -> Charge:
    """Let the next attempt at a bill's charge fail; after the last one none is planned.

    A paid charge may be tried once more, too (a recapture), and stays paid.
    """
    bill: Bill = find_row(account, "bills", bill_id)
    tried = [*_open_charges(account, bill), *(account.charges.rows[i] for i in bill.charge_ids)]
    charge = next((c for c in tried if c.status != "canceled"), None)
    if charge is None:
        raise OperationRefusedError(f"bill {bill_id} has no open charge")
    now = account.now_ms()
    account.changing("charges", charge)
    charge.attempt_count += 1
    planned = not last and charge.status != "paid"
    charge.next_attempt_ms = now + 3 * 86_400_000 if planned else None
    _transact(account, charge, "authorization", "rejected", cents=charge.cents, at=now)
    account.changed("charges", charge)
    account.emit("charge_rejected", charge)
    return charge


def reissue(account: Account, *, bill_id: int, method: str | None = None) -> Bill:
    """Put a new charge in the place of the open ones, perhaps with another method."""
    bill: Bill = find_row(account, "bills", bill_id)
    if bill.status != "pending":
        raise OperationRefusedError(f"bill {bill_id} is {bill.status}")
    account.changing("bills", bill)
    _cancel_charges(account, _open_charges(account, bill))
    bill.method = method or bill.method
    issue_charge(account, bill, events=True, at=account.now_ms())
    account.changed("bills", bill)
    return bill


def _cancel_charges(account: Account, charges: Iterable[Charge]) -> None:
    for charge in charges:
        account.changing("charges", charge)
        charge.status = "canceled"
        account.changed("charges", charge)
        account.emit("charge_canceled", charge)


def cancel_bill(account: Account, *, bill_id: int) -> Bill:
    """Cancel a bill: its amount falls to zero, its lines and charges keep theirs."""
    bill: Bill = find_row(account, "bills", bill_id)
    if bill.status == "canceled":
        raise OperationRefusedError(f"bill {bill_id} is canceled")
    account.changing("bills", bill)
    _cancel_charges(account, _open_charges(account, bill))
    bill.status, bill.cents = "canceled", 0
    account.changed("bills", bill)
    account.emit("bill_canceled", bill)
    return bill


def refund(
    account: Account, *, bill_id: int, amount: Amount | None = None, cancel_bill: bool = False,
    events: bool = True, status: str = "success",
) -> Charge:  # fmt: skip
    """Give money back, all that is left by default; another `status` only begins to.

    A part leaves charge and bill as they were, `updated_at` too. All of it cancels the
    charge; the bill goes where the switch `bill_after_refund` (or `cancel_bill`) says.
    """
    bill: Bill = find_row(account, "bills", bill_id)
    charge = next(
        (c for i in bill.charge_ids if (c := account.charges.rows[i]).status == "paid"), None
    )
    if charge is None:
        raise OperationRefusedError(f"bill {bill_id} has no paid charge")
    left = charge.cents - _refunded(account, charge)
    cents = left if amount is None else read_money(amount)
    if not 0 < cents <= left:
        raise OperationRefusedError(f"cannot refund {money(cents)} of {money(left)}")
    account.changing("charges", charge)
    account.changing("bills", bill)
    _transact(account, charge, "refund", status, cents=cents, at=account.now_ms())
    if status == "success" and cents == left:
        _undo_payment(account, bill, charge, cancel=cancel_bill)
    if events:
        account.emit("charge_refunded", charge)
        if bill.status == "canceled":
            account.emit("bill_canceled", bill)
    return charge


def end_refund(
    account: Account, *, bill_id: int, status: str = "success", events: bool = False
) -> Charge:
    """Let a refund that was begun succeed, or not; Vindi need not tell."""
    bill: Bill = find_row(account, "bills", bill_id)
    rows = [(account.charges.rows[i], number) for i in bill.charge_ids
            for number in account.charges.rows[i].transaction_ids]  # fmt: skip
    begun = ((c, t) for c, number in rows if (t := account.transactions.rows[number])
             and t.kind == "refund" and t.status not in {"success", "rejected"})  # fmt: skip
    charge, transaction = next(begun)
    account.changing("charges", charge)
    transaction.status = status
    account.changed("transactions", transaction)
    if status == "success" and _refunded(account, charge) == charge.cents:
        _undo_payment(account, bill, charge, cancel=False)
    if events:
        account.emit("charge_refunded", charge)
    return charge


def _refunded(account: Account, charge: Charge) -> int:
    rows = (account.transactions.rows[i] for i in charge.transaction_ids)
    return sum(row.cents for row in rows if row.kind == "refund" and row.status == "success")


def _undo_payment(account: Account, bill: Bill, charge: Charge, *, cancel: bool) -> None:
    charge.status = account.faults.charge_after_refund
    account.changed("charges", charge)
    after = "canceled" if cancel else account.faults.bill_after_refund
    if after != bill.status:
        bill.status = after
        bill.cents = 0 if after == "canceled" else bill.cents
        account.changed("bills", bill)


def chargeback(account: Account, *, bill_id: int, as_refund: bool = True) -> Charge:
    """Let the card's bank take the money back: a refund transaction, or a canceled charge."""
    if as_refund:
        return refund(account, bill_id=bill_id)
    bill: Bill = find_row(account, "bills", bill_id)
    charge: Charge = account.charges.rows[bill.charge_ids[-1]]
    _cancel_charges(account, [charge])
    return charge
