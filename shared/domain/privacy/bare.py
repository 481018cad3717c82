"""What remains of a bill, a customer and a draft once the person is taken out. Pure.

Each is written by naming what stays, so that a field nobody thought of goes. What stays of a bill
is what `shared.vindi.payloads.read_bill` reads of money, dates and products: a closing adds it up
as before. A bare bill has a customer without a name, by which it is known.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.domain.privacy.who import mentions, whole

_Json = Mapping[str, Any]

OUT: Final = "[…]"  # in the place of what was taken out of a text
_BILL: Final = (
    "id",
    "status",
    "amount",
    "installments",
    "billing_at",
    "due_at",
    "created_at",
    "updated_at",
)
_LINE: Final = ("id", "amount", "quantity")
_NAMED: Final = ("id", "code", "name")
_CHARGE: Final = ("id", "status", "amount", "paid_at", "updated_at")
_TRANSACTION: Final = ("created_at", "transaction_type", "status")
# What the law wants of a nota stays on it: who bought what, for how much. How to reach them goes.
_CONTACTS: Final = ("email", "phone")


def bare_bill(bill: _Json) -> dict[str, Any]:
    """A bill's JSON without its customer but for the number, metadata, texts and ways of paying."""
    bare = _only(bill, _BILL)
    bare["customer"] = _only(_part(bill, "customer"), ("id",))
    bare["bill_items"] = [_bare_line(line) for line in _rows(bill, "bill_items")]
    bare["charges"] = [_bare_charge(charge) for charge in _rows(bill, "charges")]
    if period := _only(_part(bill, "period"), ("id", "cycle")):
        bare["period"] = period
    subscription = _part(bill, "subscription")
    kept = _only(subscription, ("id",))
    if plan := _only(_part(subscription, "plan"), _NAMED):
        kept["plan"] = plan
    if kept:
        bare["subscription"] = kept
    return bare


def _bare_line(line: _Json) -> dict[str, Any]:
    bare = _only(line, _LINE)
    if product := _only(_part(line, "product"), _NAMED):
        bare["product"] = product
    if isinstance(line.get("discount"), Mapping):
        bare["discount"] = {}
    return bare


def _bare_charge(charge: _Json) -> dict[str, Any]:
    bare = _only(charge, _CHARGE)
    if method := _only(_part(charge, "payment_method"), _NAMED):
        bare["payment_method"] = method
    if transaction := _only(_part(charge, "last_transaction"), _TRANSACTION):
        bare["last_transaction"] = transaction
    return bare


def named_customer(customer: _Json) -> dict[str, Any]:
    """A customer's JSON with no more than a nota proves: number, name and document."""
    return _only(customer, ("id", "name", "registry_code"))


def bare_draft(draft: _Json) -> dict[str, Any]:
    """A draft that became no document: money, day and service, with a buyer without a name."""
    gone = ("description", "observations", "more_emails", "extras", "tomador")
    bare = {name: value for name, value in draft.items() if name not in gone}
    nobody = {"name": "", "email": None, "document": None, "phone": None, "address": None}
    return {**bare, "description": "", "tomador": nobody}


def documented_draft(draft: _Json) -> dict[str, Any]:
    """A draft of a nota that the law keeps: all of it but how to reach its buyer."""
    tomador = {**_part(draft, "tomador"), **dict.fromkeys(_CONTACTS)}
    kept = {name: value for name, value in draft.items() if name != "more_emails"}
    return {**kept, "tomador": tomador, "send_email": False}


def without_words(text: str, words: Sequence[str]) -> str:
    """A text of ours with what names somebody taken out, in whatever case it stands there.

    Where a word is there in letters that cannot be cut out, nothing of the text stays.
    """
    bare = text
    for word in words:
        bare = re.sub(whole(word), OUT, bare, flags=re.IGNORECASE)
    return OUT if mentions(bare, words) else bare


def _only(json: _Json, names: Sequence[str]) -> dict[str, Any]:
    return {name: json[name] for name in names if name in json}


def _part(json: _Json, name: str) -> _Json:
    part = json.get(name)
    return part if isinstance(part, Mapping) else {}


def _rows(json: _Json, name: str) -> list[_Json]:
    rows = json.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
