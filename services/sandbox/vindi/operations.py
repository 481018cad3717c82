"""What happens at a Vindi account: sales, payments, refunds, cancellations, edits.

Amounts are reais as text or number ("179.90"); instants are Unix seconds, ISO times or
days. Each operation keeps the account's books as Vindi would, sends the events Vindi
would, and returns the row. `OPERATIONS` is what the control API offers by name.
"""

from collections.abc import Callable
from typing import Final

from services.sandbox.vindi.payments import (
    approve_bill,
    cancel_bill,
    chargeback,
    end_refund,
    pay_again,
    pay_bill,
    refund,
    reissue,
    reject_attempt,
    touch,
)
from services.sandbox.vindi.raw import load_raw
from services.sandbox.vindi.records import Row
from services.sandbox.vindi.rows import OperationRefusedError
from services.sandbox.vindi.sales import (
    archive_customer,
    bulk_sales,
    cancel_subscription,
    create_bill,
    create_customer,
    create_example_customer,
    create_invoice,
    create_plan,
    create_product,
    create_subscription,
    edit_bill,
    edit_customer,
    renew,
    sale,
)

__all__ = [
    "OPERATIONS",
    "OperationRefusedError",
    "approve_bill",
    "archive_customer",
    "bulk_sales",
    "cancel_bill",
    "cancel_subscription",
    "chargeback",
    "create_bill",
    "create_customer",
    "create_example_customer",
    "create_invoice",
    "create_plan",
    "create_product",
    "create_subscription",
    "edit_bill",
    "edit_customer",
    "end_refund",
    "load_raw",
    "pay_again",
    "pay_bill",
    "refund",
    "reissue",
    "reject_attempt",
    "renew",
    "sale",
    "touch",
]

OPERATIONS: Final[dict[str, Callable[..., Row]]] = {
    made.__name__: made
    for made in (
        create_customer, create_example_customer, edit_customer, archive_customer,
        create_product, create_plan,
        create_subscription, renew, cancel_subscription, create_bill, sale, approve_bill,
        pay_bill, pay_again, touch, reject_attempt, reissue, cancel_bill, refund, chargeback,
        end_refund, edit_bill, create_invoice, bulk_sales, load_raw,
    )
}  # fmt: skip
