"""The text of a nota: the template decides what is told shorter first."""

import pytest

from shared.domain.bill import Bill
from shared.domain.decide import decide
from shared.domain.decision import Issue
from shared.domain.description import MOST_CHARACTERS, fill_template, list_products
from tests.builders import NOW, a_bill, a_customer, a_line, a_rule, a_sale, terms

LONG_NAME = "Peça inventada {} de nome deliberadamente longo, tom verde, medida M"


def described(bill: Bill, template: str, name: str = "Padaria Fictícia Ltda") -> str:
    sale = a_sale(bill, customer=a_customer(name=name))
    decision = decide(sale, a_rule(description=template), terms(), NOW)
    assert isinstance(decision, Issue)
    return decision.draft.description


def a_bill_of(*names: str, amount: int = 100) -> Bill:
    lines = tuple(
        a_line(amount, id=n, product_id=n, product_code=None, product_name=name)
        for n, name in enumerate(names, start=1)
    )
    return a_bill(lines=lines, amount=amount * len(names))


def test_a_hundred_and_twenty_products_leave_room_for_the_bills_number() -> None:
    bill = a_bill_of(*(LONG_NAME.format(n) for n in range(120)))
    text = described(bill, "{produtos} - fatura {fatura}")

    assert len(text) <= MOST_CHARACTERS
    assert text.endswith(" itens - fatura 4711")
    named, _, rest = text.removesuffix(" itens - fatura 4711").rpartition(" e mais ")
    assert named.count("Peça inventada") + int(rest) == 120
    assert named.endswith("medida M")


def test_so_does_one_product_with_a_name_beyond_the_limit() -> None:
    text = described(a_bill_of("palavra " * 400), "{produtos} - fatura {fatura}")
    assert len(text) <= MOST_CHARACTERS
    assert text.endswith("palavra... - fatura 4711")


def test_the_customers_name_is_cut_before_the_tenants_own_words() -> None:
    own = "Contrato de prestação de serviços. " * 54
    text = described(
        a_bill_of("Plano"), own + "Tomador: {cliente}. Fatura {fatura}.", name="Nome " * 60
    )
    assert len(text) <= MOST_CHARACTERS
    assert text.startswith(own)
    assert text.endswith("Nome.... Fatura 4711.")


def test_the_tenants_own_words_are_cut_last_and_the_number_not_at_all() -> None:
    own = "Contrato de prestação de serviços. " * 56
    text = described(a_bill_of("Plano " * 20), own + "{produtos} {cliente} F. {fatura}")
    assert len(text) <= MOST_CHARACTERS
    assert text.startswith(own[:1900])
    assert text.endswith(" F. 4711")


@pytest.mark.parametrize(
    ("names", "most", "said"),
    [
        (["A1", "B2", "C3"], 10, "A1, B2, C3"),
        (["Plano A", "Plano B", "Plano C"], 21, "3 itens"),
        (["Plano A", "Plano B", "Plano C"], 22, "Plano A e mais 2 itens"),
        (["Plano A", "Plano B", "Plano de nome longo"], 30, "Plano A, Plano B e mais 1 item"),
        (["Plano de nome longo", "Plano de nome tal"], 30, "Plano de nome... e mais 1 item"),
        (["Plano de nome longo"], 16, "Plano de nome..."),
        (["Plano", "Plano"], 3, ""),
        ([], 10, ""),
    ],
)
def test_a_list_of_products_says_how_many_more_there_are(
    names: list[str], most: int, said: str
) -> None:
    assert list_products(names, most) == said


def test_what_was_told_shorter_is_named_in_its_order() -> None:
    values = {"cliente": "Nome " * 100, "fatura": "4711"}
    own = "x " * 990
    assert fill_template(own[:500] + "{fatura}", values).shortened == ()
    assert fill_template(own + "{produtos} {fatura}", values, ["Plano"] * 9).shortened == (
        "lista de produtos",
    )
    written = fill_template(
        own + "yyyyyyyyyyyyyyy {produtos} {cliente} {fatura}", values, ["Plano"] * 9
    )
    assert written.shortened == ("lista de produtos", "nome do cliente", "texto do modelo")
    assert written.text.endswith(" 4711")


def test_line_breaks_of_data_are_blanks_and_the_tenants_own_stay() -> None:
    bill = a_bill_of("Plano Cobre\r\n  - 2 acessos\r\n  - chat\x0b\x1f fim\u2028\x07")
    assert described(bill, "{produtos}\r\nFatura {fatura}\nde {cliente}", name="Bia\nFictícia") == (
        "Plano Cobre - 2 acessos - chat fim\nFatura 4711\nde Bia Fictícia"
    )


def test_signs_of_markup_are_text_like_any_other() -> None:
    assert described(a_bill_of('um\ndois\t<i>três</i> & "quatro"'), "{produtos} {fatura}") == (
        'um dois <i>três</i> & "quatro" 4711'
    )


def test_what_was_worth_nothing_is_not_named() -> None:
    free = [a_line(0, id=n, product_id=n, product_name=f"Brinde {n}", quantity=1) for n in (1, 2)]
    sold = a_line(500, id=3, product_id=3, product_name="Subtotal")
    away = [
        a_line(700, id=4, product_id=4, product_name="Licença"),
        a_line(-700, id=5, product_id=4, product_name="Licença"),
    ]
    bill = a_bill(lines=(*free, sold, *away), amount=500)
    assert described(bill, "{produtos} - fatura {fatura}") == "Subtotal - fatura 4711"


def test_a_name_of_signs_alone_is_left_out_of_the_list() -> None:
    bill = a_bill_of("\N{PARTY POPPER}", "Plano", "\u200b")
    assert described(bill, "{produtos} - fatura {fatura}") == "Plano - fatura 4711"
    emoji = a_bill_of("\N{PARTY POPPER}" * 12)
    assert described(emoji, "{produtos}") == "referente à fatura 4711"


def test_letters_that_need_more_room_in_latin_are_counted_as_they_are_sent() -> None:
    bill = a_bill_of(*("…" * 300 for _ in range(6)))
    text = described(bill, "{produtos} - fatura {fatura}")
    assert len(text) <= MOST_CHARACTERS
    assert text.endswith(" - fatura 4711")
