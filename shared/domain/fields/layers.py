"""Rule, product, customer and bill, one above the other: what counts for one sale. Pure."""

from collections.abc import Mapping

from shared.domain.decision import Hold
from shared.domain.fields.metadata import BadMetadata, over
from shared.domain.fields.terms import NotaTerms
from shared.domain.rule import Rule, ServiceRule
from shared.domain.sale import SaleFacts


def terms_for(service: ServiceRule, rule: Rule, sale: SaleFacts) -> NotaTerms | Hold:
    """What counts for a sale's notas of a service, or the hold that names what cannot be read."""
    customer, terms = sale.customer, service.terms
    if customer is None:
        raise ValueError("the customer must be read before a nota is drafted")
    if rule.customers:
        own = rule.fields_of(customer.code, customer.id)
        terms = terms if own is None else service.terms_for(own)
    if customer.metadata:
        said = over(terms, customer.metadata)
        if isinstance(
            said, BadMetadata
        ):  # told by a word of the customer: mended there, it goes on
            return Hold(code="customer_metadata_invalid", detail=f"{said.key}: {said.problem}")
        terms = said
    return _of_bill(terms, sale.bill.metadata) if sale.bill.metadata else terms


def _of_bill(terms: NotaTerms, metadata: Mapping[str, object]) -> NotaTerms | Hold:
    said = over(terms, metadata)
    if isinstance(said, BadMetadata):
        return Hold(code="metadata_invalid", detail=f"{said.key}: {said.problem}")
    return said
