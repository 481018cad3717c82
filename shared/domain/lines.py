"""What the lines of a bill are: which of them speak for the sale. Pure.

The whole table of kinds is `docs/lines.md`. Structure says most of it: a product whose lines on a
bill come to nothing or less is a discount, a coupon, a credit or the old half of a proration,
whatever it is called. What goes along with a sale (freight, interest, fees) is known by code or
name, `data/accessory_lines.tsv`, and so is which of what lowers a bill is a credit or a proration,
and no discount: `data/credit_lines.tsv`.
"""

from collections.abc import Collection
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from shared.domain.bill import Bill, BillLine
from shared.domain.patterns import ANY, any_matches, fits, plain
from shared.domain.rule import Rule

ACCESSORIES: Final = Path(__file__).parent / "data" / "accessory_lines.tsv"
Product = int | str | None


CREDITS: Final = Path(__file__).parent / "data" / "credit_lines.tsv"


class _Credits(Struct, frozen=True):
    codes: tuple[str, ...]
    texts: tuple[str, ...]  # names of products, or descriptions of lines


class _Accessories(Struct, frozen=True):
    codes: tuple[str, ...]
    names: tuple[str, ...]


def product_of(line: BillLine) -> Product:
    """What tells the products of one bill apart: the id, else the code, else the name."""
    if line.product_id is not None:
        return line.product_id
    return line.product_code or line.product_name or None


def products_with_value(bill: Bill, rule: Rule) -> list[BillLine]:
    """One line for each product that is sold, in the bill's order: those speak for the sale.

    A product whose lines come to nothing or less reduces others and has no word. Nor has what
    goes along with others (freight, interest, a fee) unless the rule names it, or nothing else is
    sold.
    """
    if len(bill.lines) == 1:  # most bills
        return [line for line in bill.lines if line.amount > 0]
    totals: dict[Product, int] = {}
    first: dict[Product, BillLine] = {}
    for line in bill.lines:
        product = product_of(line)
        totals[product] = totals.get(product, 0) + line.amount
        first.setdefault(product, line)
    sold = [line for product, line in first.items() if totals[product] > 0]
    if len(sold) == 1:
        return sold
    return [line for line in sold if not goes_along(line, rule)] or sold


def is_credit(line: BillLine) -> bool:
    """Say whether what lowers a bill is a credit or a proration: no discount on what is sold.

    What Vindi itself calls a discount is one, whatever it is named.
    """
    if line.is_discount:
        return False
    return _is_credit(line.product_code or "", line.product_name, line.description or "")


@lru_cache(maxsize=8192)
def _is_credit(code: str, *texts: str) -> bool:
    known = _credits()
    return any(fits(one, plain(code)) for one in known.codes) or any(
        fits(one, plain(text)) for one in known.texts for text in texts if text
    )


@cache
def _credits() -> _Credits:
    rows = [row.split("\t") for row in CREDITS.read_text(encoding="utf-8").splitlines()]
    return _Credits(
        codes=tuple(plain(pattern) for field, pattern, _ in rows if field == "code"),
        texts=tuple(plain(pattern) for field, pattern, _ in rows if field == "text"),
    )


def goes_along(line: BillLine, rule: Rule) -> bool:
    """Say whether a line is of what goes along with a sale, and the rule does not name it."""
    return _is_accessory(line.product_code or "", line.product_name) and not _named(line, rule)


@lru_cache(maxsize=8192)
def _is_accessory(code: str, name: str) -> bool:
    known = _accessories()
    code, name = plain(code), plain(name)
    return any(fits(one, code) for one in known.codes) or any(
        fits(one, name) for one in known.names
    )


@cache
def _accessories() -> _Accessories:
    rows = [row.split("\t") for row in ACCESSORIES.read_text(encoding="utf-8").splitlines()]
    return _Accessories(
        codes=tuple(plain(pattern) for field, pattern, _ in rows if field == "code"),
        names=tuple(plain(pattern) for field, pattern, _ in rows if field == "name"),
    )


def _named(line: BillLine, rule: Rule) -> bool:
    """Say whether a rule speaks of a product: a pattern for all of them speaks of none."""
    if (
        line.product_code in rule.services_by_product_code
        or str(line.product_id) in rule.services_by_product_id
        or any_matches(_telling(rule.services_by_product_name), line.product_name)
    ):
        return True
    return any(
        line.product_code in one.if_.product_code
        or line.product_id in one.if_.product_id
        or any_matches(_telling(one.if_.product_name), line.product_name)
        for one in rule.exceptions
    )


def _telling(patterns: Collection[str]) -> list[str]:
    return [pattern for pattern in patterns if pattern.strip(ANY)]
