"""From a sale to what its nota says, or the hold that names what is missing."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.amounts import settled
from shared.domain.bill import Address, Bill, Customer
from shared.domain.decision import Hold
from shared.domain.description import (
    MOST_CHARACTERS,
    PRODUCTS,
    Written,
    fill_template,
    lengthen,
    measured,
    variables_in,
)
from shared.domain.emails import email_for_nota
from shared.domain.fields.discounts import discount_in
from shared.domain.fields.fill import Setting, filled, portion_of
from shared.domain.fields.layers import terms_for
from shared.domain.fields.terms import NotaTerms
from shared.domain.fields.withholding import Portion
from shared.domain.lines import products_with_value
from shared.domain.moment import moment_paid
from shared.domain.money import NOTHING, Cents, show_reais
from shared.domain.nota import BuyerAbroad, NotaDraft, Tomador
from shared.domain.parts import Share, only, service_of
from shared.domain.party import (
    abroad,
    complete_by_cep,
    document_state,
    is_a_name,
    is_company,
    is_foreign,
    locate,
    missing_address_parts,
    stand_in_address,
)
from shared.domain.phones import phone_among
from shared.domain.prechecks import held_cep
from shared.domain.rule import Rule, ServiceRule
from shared.domain.sale import SaleFacts
from shared.domain.text.letters import Alphabet, grows_no_longer, one_line, says_something

_NOTHING_STATED: Final = NotaTerms(plain=True)
_NO_SERVICE: Final = ServiceRule()
_DIGITS_THAT_COUNT: Final = frozenset("123456789")
_LONGEST_OF_OTHERS: Final = 60  # numbers, dates and amounts are shorter


def draft_nota(
    sale: SaleFacts,
    rule: Rule,
    service: ServiceRule,
    competencia: date,
    zone: ZoneInfo,
    share: Share | None = None,
    shares: Sequence[Share] = (),
) -> NotaDraft | Hold:
    """Write the nota of a sale whose customer was read, or hold it for what is missing.

    With a share it is for that part of the bill only: its amount, its products; `shares` are all
    parts of the bill, which are paid together.
    """
    if sale.customer is None:
        raise ValueError("the customer must be read before a nota is drafted")
    terms = terms_for(service, rule, sale)
    if isinstance(terms, Hold):
        return terms
    tomador = tomador_of(sale.customer, rule, terms, bare=sale.without_document)
    if isinstance(tomador, Hold):
        return tomador
    written = write_description(sale, rule, competencia, zone, share)
    draft = NotaDraft(
        amount=_amount(sale, share),
        competencia=competencia,
        description=lengthen(written.text, sale.bill.id),
        tomador=tomador,
        service=service.as_nota,
        send_email=rule.send_email and tomador.email is not None,
    )
    if terms.plain:
        return draft
    setting = Setting(
        discount=_discount(sale, terms, share, shares, draft.amount),
        others=_paid_with(sale, rule, terms, share, shares),
        is_part=share is not None,
        seller_city=rule.seller_city.found.city if rule.seller_city else None,
        write=lambda template: _written(template, sale, rule, competencia, zone, share).text,
    )
    return filled(draft, terms, setting)


def _discount(
    sale: SaleFacts,
    terms: NotaTerms,
    share: Share | None,
    shares: Sequence[Share],
    amount: Cents,
) -> Cents:
    return discount_in(sale.bill, share, shares, amount) if terms.show_discounts else NOTHING


def _paid_with(
    sale: SaleFacts, rule: Rule, terms: NotaTerms, share: Share | None, shares: Sequence[Share]
) -> list[Portion]:
    """What the other notas of the same payment are reckoned from."""
    if share is None or terms.withholdings is None:
        return []
    others = []
    for other in shares:
        service = service_of(sale.bill, other, rule) if other.part != share.part else None
        said = terms_for(service, rule, sale) if service is not None else None
        if isinstance(said, NotaTerms):
            discount = _discount(sale, said, other, shares, other.amount)
            others.append(portion_of(said, other.amount, discount))
    return others


def tomador_of(
    customer: Customer,
    rule: Rule,
    terms: NotaTerms = _NOTHING_STATED,
    *,
    bare: bool = False,
) -> Tomador | Hold:
    """The buyer as a nota shows it, or the hold that names what is missing.

    `terms` tell what was stated of the buyer beyond what Vindi has fields for. `bare`: a person
    said that a document that is missing or wrong is left out.
    """
    if not is_a_name(customer.name):
        return Hold(code="customer_name_missing")
    if is_foreign(customer.address):
        return _foreign(customer, rule, terms)
    document = document_state(customer.document)
    match document:
        case "missing" | "invalid" if bare:
            pass
        case "invalid":
            return Hold(code="customer_document_invalid")
        case "missing" if rule.customer_document_missing == "hold":
            return Hold(code="customer_document_missing")
        case _:
            pass
    address = _address(customer, rule)
    if isinstance(address, Hold):
        return address
    return Tomador(
        name=one_line(customer.name, Alphabet.UNICODE),
        email=email_for_nota(customer.email),
        document=None if document == "invalid" else customer.document,
        phone=phone_among(customer.phones or (customer.phone or "",)),
        address=address,
        municipal_registration=terms.municipal_registration,
    )


def buyer_mended(sale: SaleFacts, rule: Rule | None, denied_with: Tomador | None) -> bool:
    """Say whether a nota denied for its buyer's data would say something else of the buyer now.

    That is so once for each change: what was sent last is what the next change is held against.
    """
    if sale.customer is None or rule is None:
        return False
    terms = terms_for(_NO_SERVICE, rule, sale)
    if isinstance(terms, Hold):
        return False
    now_is = tomador_of(sale.customer, rule, terms)
    return isinstance(now_is, Tomador) and now_is != denied_with


def _foreign(customer: Customer, rule: Rule, terms: NotaTerms) -> Tomador | Hold:
    """Without what only Brazil has: a document that is no CPF or CNPJ, a phone, a CEP."""
    if rule.customer_foreign == "hold":
        return Hold(code="customer_foreign")
    valid = document_state(customer.document) == "valid"
    foreign = None
    if rule.customer_foreign == "issue":
        foreign = _buyer_abroad(customer, rule, terms, valid=valid)
        missing = _missing_abroad(customer, foreign, valid=valid)
        if missing:
            return Hold(code="customer_foreign_incomplete", detail=", ".join(missing))
    return Tomador(
        name=one_line(customer.name, Alphabet.UNICODE),
        email=email_for_nota(customer.email),
        document=customer.document if valid else None,
        phone=None,
        address=abroad(customer.address),
        foreign=foreign,
    )


def _buyer_abroad(customer: Customer, rule: Rule, terms: NotaTerms, *, valid: bool) -> BuyerAbroad:
    """What the national layout wants of a buyer abroad, as far as it is known.

    A document of Vindi that is no CPF or CNPJ is the tax number of its own country.
    """
    address = customer.address
    number = terms.nif or (None if valid else _tax_number(customer.document))
    country = (address.country or "").strip().upper()
    because = terms.without_nif or rule.customer_foreign_without_nif
    return BuyerAbroad(
        tax_number=number,
        no_number_because=None if number or valid else because,
        zip=address.zip,
        province=address.state,
        country_code=country if len(country) == 2 else None,
        kind=rule.customer_foreign_kind,
    )


def _tax_number(document: str | None) -> str | None:
    """The tax number of another country; None for a word ("ISENTO") and for zeros alone."""
    return document if document and not _DIGITS_THAT_COUNT.isdisjoint(document) else None


def _missing_abroad(customer: Customer, foreign: BuyerAbroad, *, valid: bool) -> list[str]:
    address = customer.address
    parts = ("street", "city", "zip")
    missing = [part for part in parts if not says_something(getattr(address, part) or "")]
    unnumbered = not (valid or foreign.tax_number or foreign.no_number_because)
    return [*missing, "nif"] if unnumbered else missing


def _address(customer: Customer, rule: Rule) -> Address | Hold | None:
    address = customer.address
    if rule.complete_address_by_cep:
        address = complete_by_cep(address)
    missing = missing_address_parts(address)
    located = None if missing else locate(address)
    misplaced = None if located is None else held_cep(located)
    if located is not None and misplaced is None:
        return located
    match rule.customer_address_incomplete:
        case "issue_without" if not is_company(customer.document):
            return None  # no company: many city halls take none without its address
        case "default_address" if rule.default_address is not None:
            return stand_in_address(rule.default_address)
        case _ if missing:
            return Hold(code="customer_address_incomplete", detail=", ".join(missing))
        case _:
            return misplaced or Hold(code="customer_city_unknown")


def _amount(sale: SaleFacts, share: Share | None) -> Cents:
    if share is not None:
        return share.amount
    chosen = settled(sale.bill, sale.amount_choice, sale.refunds)
    return sale.bill.lines_total if chosen is None else chosen


def write_description(
    sale: SaleFacts, rule: Rule, competencia: date, zone: ZoneInfo, share: Share | None
) -> Written:
    """Fill the tenant's template for a sale, or for that part of it."""
    return _written(rule.description, sale, rule, competencia, zone, share)


def is_told_whole(template: str, bill: Bill, customer: Customer | None) -> bool:
    """Say whether a template surely has room for all it names of a bill; a guess on the safe side.

    Letters beyond Latin-1 may be written as several.
    """
    texts = [line.product_name for line in bill.lines]
    texts += [customer.name if customer else "", bill.plan_code or "", bill.plan_name or ""]
    together = ", ".join(texts)
    longest = len(together) + len(", ") + _LONGEST_OF_OTHERS
    own, variables = measured(template)
    if own + variables * longest > MOST_CHARACTERS:
        return False
    return together.isascii() or all(map(grows_no_longer, texts))


def _written(
    template: str,
    sale: SaleFacts,
    rule: Rule,
    competencia: date,
    zone: ZoneInfo,
    share: Share | None,
) -> Written:
    names = variables_in(template)
    values = {
        name: _variable(name, sale, competencia, zone, share) for name in names if name != PRODUCTS
    }
    return fill_template(template, values, _sold(sale, rule, share) if PRODUCTS in names else ())


def _sold(sale: SaleFacts, rule: Rule, share: Share | None) -> list[str]:
    own = sale.bill if share is None or not share.lines else only(sale.bill, share)
    return [line.product_name for line in products_with_value(own, rule)]


def _variable(
    name: str, sale: SaleFacts, competencia: date, zone: ZoneInfo, share: Share | None
) -> str:
    bill = sale.bill
    match name:
        case "fatura":
            return str(bill.id)
        case "competencia":
            return f"{competencia:%m/%Y}"
        case "cliente":
            return sale.customer.name if sale.customer else ""
        case "plano":
            return bill.plan_code or bill.plan_name or ""
        case "ciclo":
            return str(bill.cycle or "")
        case "valor":
            return f"R$ {show_reais(_amount(sale, share)).replace('.', ',')}"
        case "pagamento":
            paid = moment_paid(bill)
            return f"{paid.day(zone):%d/%m/%Y}" if paid else ""
        case _:
            raise ValueError(f"no variable {name}")
