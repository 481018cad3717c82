"""Invented bodies of the shape that Vindi and eNotas send."""

from datetime import date
from typing import Any

from shared.domain.bill import Address
from shared.domain.ids import ExternalId
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, Service, Tomador

KEY = ExternalId("p-taaaaaaaaaa-900001-1")
NOTA_ID = "7d1f4d4e-1a64-4d5b-9f0a-2c1f5a4b0100"


def a_bill(number: int = 900001, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "code": None,
        "amount": "179.9",
        "installments": 1,
        "status": "paid",
        "seen_at": None,
        "billing_at": None,
        "due_at": None,
        "url": "https://example.test/customer/bills/1?token=hidden",
        "created_at": "2026-03-31T09:04:58.000-03:00",
        "updated_at": "2026-03-31T09:05:03.287-03:00",
        "bill_items": [
            {
                "id": 910001,
                "amount": "199.9",
                "quantity": 1,
                "description": None,
                "product": {"id": 930001, "name": "Plano Exemplo", "code": "EX-1"},
                "discount": None,
            },
            {
                "id": 910002,
                "amount": "-20.0",
                "quantity": None,
                "product": {"id": 930001, "name": "Plano Exemplo", "code": "EX-1"},
                "discount": {"id": 950001, "discount_type": "amount", "amount": "20.0"},
            },
        ],
        "charges": [a_charge()],
        "customer": {
            "id": 980001,
            "name": "Padaria Fictícia Ltda",
            "email": "",
            "code": "C-77",
        },
        "period": {"id": 990001, "cycle": 4},
        "subscription": {"id": 995001, "plan": {"id": 996001, "name": "Mensal", "code": "M"}},
        "metadata": {},
    } | changed


def a_charge(number: int = 960001, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "amount": "179.9",
        "status": "paid",
        "paid_at": "2026-03-31T09:05:02.000-03:00",
        "created_at": "2026-03-31T09:04:59.000-03:00",
        "updated_at": "2026-03-31T09:05:02.000-03:00",
        "last_transaction": {
            "id": 970001,
            "transaction_type": "capture",
            "status": "success",
            "amount": "179.9",
            "created_at": "2026-03-31T09:05:01.000-03:00",
        },
        "payment_method": {"id": 11, "name": "Cartão", "code": "credit_card"},
    } | changed


def a_refund(number: int = 970002, charge: int = 960001, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "transaction_type": "refund",
        "status": "success",
        "amount": "50.0",
        "created_at": "2026-04-02T16:20:10.000-03:00",
        "charge": {"id": charge},
    } | changed


def a_customer(number: int = 980001, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": " Padaria Fictícia Ltda ",
        "email": "financeiro@padaria.example",
        "registry_code": "11.222.333/0001-81",
        "code": 77,
        "updated_at": "2026-02-10T08:30:00.000-03:00",
        "address": {
            "street": "Rua das Amostras",
            "number": "100",
            "additional_details": "",
            "zipcode": "01001-000",
            "neighborhood": "Centro",
            "city": "São Paulo",
            "state": "SP",
            "country": "BR",
        },
        "phones": [{"id": 1, "phone_type": "mobile", "number": "5511900000000"}],
    } | changed


def a_draft(amount: int = 9990) -> NotaDraft:
    return NotaDraft(
        amount=Cents(amount),
        competencia=date(2026, 4, 10),
        description="Assinatura mensal do plano Exemplo",
        tomador=Tomador(
            name="Aurora Exemplo",
            email="aurora@example.org",
            document="12345678909",
            phone="5541999990000",
            address=Address(
                street="Rua de Exemplo",
                number=None,
                complement=None,
                district="Centro",
                city="4106902",
                state="pr",
                zip="80010000",
                country="BR",
            ),
        ),
        service=Service(municipal_code="10901", lc116="1.09", iss_rate="5.00"),
        send_email=True,
    )


def a_nota(status: str = "Autorizada", **changed: Any) -> dict[str, Any]:
    return {
        "id": NOTA_ID,
        "idExterno": KEY,
        "status": status,
        "ambienteEmissao": "Producao",
        "dataCriacao": "2026-04-10T15:00:00Z",
        "dataUltimaAlteracao": "2026-04-10T15:01:00.1234567Z",
        "valorTotal": 99.9,
    } | changed
