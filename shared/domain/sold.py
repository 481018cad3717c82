"""What a bill was for, as people look for it: products, plan, and how it is paid. Pure."""

from typing import Final

from msgspec import Struct

from shared.domain.bill import Bill

_MOST: Final = 300  # letters; a list shows less, and nobody looks for the fortieth product


class Sold(Struct, frozen=True, kw_only=True):
    """Names with their codes, `Curso de Cerâmica (CURSO)`; several products stand after `; `.

    `method` is Vindi's word for how it was paid, or is to be: of the last charge.
    """

    products: str
    plan: str
    method: str


def sold_as(bill: Bill) -> Sold:
    """What a bill was for; nothing where Vindi does not say."""
    products = dict.fromkeys(
        _named(line.product_name, line.product_code) for line in bill.lines if line.amount > 0
    )
    charges = bill.paid_charges or bill.charges
    return Sold(
        products="; ".join(filter(None, products))[:_MOST],
        plan=_named(bill.plan_name, bill.plan_code)[:_MOST],
        method=(charges[-1].payment_method_code or "")[:60] if charges else "",
    )


def _named(name: str | None, code: str | None) -> str:
    bare = (name or "").replace("\0", "").strip()
    word = (code or "").replace("\0", "").strip()
    return f"{bare} ({word})" if bare and word and bare != word else bare or word
