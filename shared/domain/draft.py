"""From a sale to what its nota says, or the hold that names what is missing."""

from datetime import date
from zoneinfo import ZoneInfo

from shared.domain.amounts import settled
from shared.domain.bill import Address, Customer
from shared.domain.decision import Hold
from shared.domain.description import fill_template, lengthen, variables_in
from shared.domain.lines import products_with_value
from shared.domain.moment import moment_paid
from shared.domain.money import Cents, show_reais
from shared.domain.nota import NotaDraft, Service, Tomador
from shared.domain.parts import Share, only
from shared.domain.party import (
    abroad,
    complete_by_cep,
    document_state,
    email_for_nota,
    is_foreign,
    locate,
    missing_address_parts,
    phone_for_nota,
    stand_in_address,
)
from shared.domain.rule import Rule, ServiceRule
from shared.domain.sale import SaleFacts


def draft_nota(
    sale: SaleFacts,
    rule: Rule,
    service: ServiceRule,
    competencia: date,
    zone: ZoneInfo,
    share: Share | None = None,
) -> NotaDraft | Hold:
    """Write the nota of a sale whose customer was read, or hold it for what is missing.

    With a share it is for that part of the bill only: its amount, its products.
    """
    if sale.customer is None:
        raise ValueError("the customer must be read before a nota is drafted")
    tomador = tomador_of(sale.customer, rule)
    if isinstance(tomador, Hold):
        return tomador
    return NotaDraft(
        amount=_amount(sale, share),
        competencia=competencia,
        description=_description(sale, rule, competencia, zone, share),
        tomador=tomador,
        service=_service(service),
        send_email=rule.send_email and tomador.email is not None,
    )


def tomador_of(customer: Customer, rule: Rule) -> Tomador | Hold:
    """The buyer as a nota shows it, or the hold that names what is missing."""
    if is_foreign(customer.address):
        return _foreign(customer, rule)
    match document_state(customer.document):
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
        name=customer.name.strip() or customer.name,
        email=email_for_nota(customer.email),
        document=customer.document,
        phone=phone_for_nota(customer.phone),
        address=address,
    )


def buyer_mended(sale: SaleFacts, rule: Rule | None, denied_with: Tomador | None) -> bool:
    """Say whether a nota denied for its buyer's data would say something else of the buyer now.

    That is so once for each change: what was sent last is what the next change is held against.
    """
    if sale.customer is None or rule is None:
        return False
    now_is = tomador_of(sale.customer, rule)
    return isinstance(now_is, Tomador) and now_is != denied_with


def _foreign(customer: Customer, rule: Rule) -> Tomador | Hold:
    """Without what only Brazil has: a document that is no CPF or CNPJ, a phone, a CEP."""
    if rule.customer_foreign == "hold":
        return Hold(code="customer_foreign")
    valid = document_state(customer.document) == "valid"
    return Tomador(
        name=customer.name.strip() or customer.name,
        email=email_for_nota(customer.email),
        document=customer.document if valid else None,
        phone=None,
        address=abroad(customer.address),
    )


def _address(customer: Customer, rule: Rule) -> Address | Hold | None:
    address = customer.address
    if rule.complete_address_by_cep:
        address = complete_by_cep(address)
    missing = missing_address_parts(address)
    located = None if missing else locate(address)
    if located is not None:
        return located
    match rule.customer_address_incomplete:
        case "issue_without":
            return None
        case "default_address" if rule.default_address is not None:
            return stand_in_address(rule.default_address)
        case _ if missing:
            return Hold(code="customer_address_incomplete", detail=", ".join(missing))
        case _:
            return Hold(code="customer_city_unknown")


def _service(rule: ServiceRule) -> Service:
    reform = rule.ibs_cbs
    return Service(
        municipal_code=rule.municipal_code,
        lc116=rule.lc116,
        cnae=rule.cnae,
        iss_rate=rule.iss_rate,
        iss_withheld=rule.iss_withheld,
        nbs=rule.nbs,
        national_code=rule.national_code,
        ibs_cbs_class=reform.class_code if reform else None,
        ibs_cbs_operation=reform.operation_code if reform else None,
    )


def _amount(sale: SaleFacts, share: Share | None) -> Cents:
    if share is not None:
        return share.amount
    chosen = settled(sale.bill, sale.amount_choice)
    return sale.bill.lines_total if chosen is None else chosen


def _description(
    sale: SaleFacts, rule: Rule, competencia: date, zone: ZoneInfo, share: Share | None
) -> str:
    names = variables_in(rule.description)
    values = {name: _variable(name, sale, rule, competencia, zone, share) for name in names}
    return lengthen(fill_template(rule.description, values), sale.bill.id)


def _variable(
    name: str,
    sale: SaleFacts,
    rule: Rule,
    competencia: date,
    zone: ZoneInfo,
    share: Share | None,
) -> str:
    bill = sale.bill
    match name:
        case "produtos":
            own = bill if share is None or not share.lines else only(bill, share)
            sold = products_with_value(own, rule)
            return ", ".join(line.product_name.strip() for line in sold)
        case "fatura":
            return str(bill.id)
        case "competencia":
            return f"{competencia:%m/%Y}"
        case "cliente":
            return sale.customer.name.strip() if sale.customer else ""
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
