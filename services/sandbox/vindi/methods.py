"""Payment methods as Vindi names them."""

from typing import Any, Final

METHODS: Final[dict[str, dict[str, Any]]] = {
    code: {"id": i, "public_name": name, "name": name, "code": code, "type": f"PaymentMethod::{t}"}
    for i, (code, name, t) in enumerate(
        (
            ("credit_card", "Cartão de crédito", "CreditCard"),
            ("bank_slip", "Boleto bancário", "BankSlip"),
            ("online_bank_slip", "Boleto registrado", "OnlineBankSlip"),
            ("pix", "Pix", "Pix"),
            ("pix_bank_slip", "Bolepix", "PixBankSlip"),
            ("bank_debit", "Débito em conta", "BankDebit"),
            ("debit_card", "Cartão de débito", "DebitCard"),
            ("cash", "Dinheiro", "Cash"),
        ),
        start=11,
    )
}


def method(code: str) -> dict[str, Any]:
    """Describe a payment method; an account's own one is made up from its code."""
    return METHODS.get(code) or {
        "id": 99, "public_name": code, "name": code, "code": code, "type": "PaymentMethod::Cash",
    }  # fmt: skip
