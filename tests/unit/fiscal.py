"""What tests of the fields of a nota share: a sale, its draft, and the body that is posted."""

import json
from typing import Any

from shared.domain.decide import decide
from shared.domain.decision import Hold, Issue
from shared.domain.ids import ExternalId
from shared.domain.nota import NotaDraft
from shared.domain.sale import SaleFacts
from shared.issuer.enotas.payloads import encode, render_nota
from tests.builders import NOW, a_bill, a_customer, a_line, a_rule, a_sale, terms

KEY = ExternalId("p-tabcdefghij-4711-1")
AMOUNT = 100_000  # R$ 1.000,00
PLAIN = {"lc116": "17.01", "iss_rate": "5.00"}
PERSON = "12345678909"
ALL = {"pis": "0.65", "cofins": "3.00", "csll": "1.00", "inss": "11.00", "irrf": "1.50"}
LINES = (
    a_line(100_000),
    a_line(-5_000, id=2),
    a_line(-5_000, id=3, product_id=None, product_code=None),
)


def a_fiscal_sale(**changes: Any) -> SaleFacts:
    bill = a_bill(amount=AMOUNT, lines=(a_line(AMOUNT),), metadata=changes.pop("metadata", {}))
    return a_sale(bill, customer=a_customer(**changes))


def drafted(sale: SaleFacts, **rule: Any) -> NotaDraft:
    decision = decide(sale, a_rule(**rule), terms(), NOW)
    assert isinstance(decision, Issue), decision
    return decision.draft


def held(sale: SaleFacts, **rule: Any) -> Hold:
    decision = decide(sale, a_rule(**rule), terms(), NOW)
    assert isinstance(decision, Hold), decision
    return decision


def posted(draft: NotaDraft) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(render_nota(KEY, draft, "Producao")))
    return body


def at(body: dict[str, Any], path: str) -> Any:
    found: Any = body
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def says(draft: NotaDraft, wanted: dict[str, Any]) -> None:
    body = posted(draft)
    assert {path: at(body, path) for path in wanted} == wanted
