"""Six tenants with different rules, what is sold at each, and what has to come of it.

What is expected is said here from the rule alone, as an accountant would, and knows nothing of the
system that is tried.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from services.sandbox.enotas.records import VALID, Company, Nota
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from tests.services.emitter.conftest import a_buyer

Kind = Literal["paid", "created", "guarantee", "exceptions", "divided", "refunds"]
KINDS: Final[tuple[Kind, ...]] = (
    "paid", "created", "guarantee", "exceptions", "divided", "refunds",
)  # fmt: skip
RULES: Final[Mapping[Kind, dict[str, Any]]] = {
    "paid": {"issue_when": "bill_paid"},
    "created": {"issue_when": "bill_created"},
    "guarantee": {"issue_when": "guarantee_ended", "guarantee_days": 7},
    "exceptions": {
        "issue_when": "bill_paid",
        "exceptions": [{"if": {"product_code": ["BRINDE"]}, "issue_when": "never"}],
    },
    "divided": {
        "issue_when": "bill_paid",
        "service": {"lc116": "1.07"},
        "services_by_product_code": {"CURSO": {"lc116": "8.02"}},
    },
    "refunds": {"issue_when": "bill_paid", "refunds": {"full": "cancel"}},
}
OTHER_PRODUCT: Final[Mapping[Kind, str]] = {"exceptions": "BRINDE", "divided": "CURSO"}
REFUNDED: Final = 0.2  # of the sales of the shop that gives money back


@dataclass(slots=True, kw_only=True)
class Shop:
    """One tenant. `expected` says how many valid notas each of its bills ends with."""

    kind: Kind
    account: Account
    company: Company
    tenant: str = ""
    webhook_url: str = ""
    products: tuple[int, int] = (0, 0)
    expected: dict[int, int] = field(default_factory=dict)

    def stock(self) -> None:
        """Make what it sells."""
        codes = ("PLANO", OTHER_PRODUCT.get(self.kind, "LIVRO"))
        first, second = (operations.create_product(self.account, code=code) for code in codes)
        self.products = first.id, second.id

    def sell(self, rng: random.Random) -> int:
        """One paid sale, of which Vindi tells nobody by itself; its bill."""
        plan, other = self.products
        lines = [{"product_id": plan, "amount": "179.90"}]
        notas = 0 if self.kind == "guarantee" else 1
        if self.kind == "divided" and rng.random() < 0.5:
            lines.append({"product_id": other, "amount": "20.10"})
            notas = 2
        if self.kind == "exceptions" and rng.random() < 0.5:
            lines = [{"product_id": other, "amount": "20.10"}]
            notas = 0
        buyer = operations.create_customer(self.account, **a_buyer())
        bill = operations.sale(
            self.account, customer_id=buyer.id, lines=lines, paid=True, events=False
        )
        self.expected[bill.id] = notas
        return bill.id

    def give_back(self, bill: int) -> None:
        """All of a sale's money: no nota of it may stand in the end."""
        operations.refund(self.account, bill_id=bill, events=False)
        self.expected[bill] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Bills of a shop whose valid notas are too few, or too many."""

    lost: tuple[int, ...]
    doubled: tuple[int, ...]


def newest_issued(shop: Shop) -> int:
    """The newest bill of which the issuer has a nota; 0 for none."""
    return max((_bill_of(nota) for nota in list(shop.company.notas.values())), default=0)


def look(shop: Shop) -> Found:
    """Hold what stands at the issuer against what is expected."""
    valid: dict[int, int] = {}
    for nota in list(shop.company.notas.values()):
        if nota.status in VALID:
            bill = _bill_of(nota)
            valid[bill] = valid.get(bill, 0) + 1
    wanted = shop.expected
    return Found(
        lost=tuple(bill for bill, notas in wanted.items() if valid.get(bill, 0) < notas),
        doubled=tuple(bill for bill in valid if valid[bill] > wanted.get(bill, 0)),
    )


def _bill_of(nota: Nota) -> int:
    return int(nota.external_id.split("-")[2].split("x")[0])
