"""What a timeline says of data that could not go onto a nota as it was."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.bill import Customer
from shared.domain.decide import decide
from shared.domain.decision import Issue
from shared.domain.draft import is_told_whole, write_description
from shared.domain.text.fit import fit_draft
from shared.domain.text.told import Drawn, told_of
from shared.issuer.enotas.form import FORM
from tests.builders import NOW, SAO_PAULO, a_bill, a_customer, a_line, a_rule, a_sale, terms
from tests.builders import an_address as at

EMAIL = "o e-mail do cliente não é um endereço válido e ficou fora da nota"
PHONE = "o telefone do cliente não é um número brasileiro válido e ficou fora da nota"
SECOND = "o cadastro tem mais de um e-mail; a nota leva o primeiro"
LONG = "Palavra " * 12


def told(customer: Customer, **rule: Any) -> tuple[str, ...]:
    sale, ruled = a_sale(customer=customer), a_rule(**rule)
    decision = decide(sale, ruled, terms(), NOW)
    assert isinstance(decision, Issue)
    drawn = Drawn(sale=sale, rule=ruled, zone=SAO_PAULO)
    return told_of(decision.draft, sale.customer, drawn, FORM)


@pytest.mark.parametrize(
    ("customer", "said"),
    [
        (a_customer(), ()),
        (a_customer(email=None, phone=None), ()),
        (a_customer(name=" Bia \N{PARTY POPPER} “Fictícia” "), ()),
        (a_customer(email="bia@"), (EMAIL,)),
        (a_customer(email="Bia <bia@loja.com.br>"), ()),
        (a_customer(email="bia@loja.com.br; fin@loja.com.br"), (SECOND,)),
        (a_customer(phone="13105550123"), (PHONE,)),
        (a_customer(phone="552", phones=("552", "2126543210")), ()),
        (a_customer(phone="552", phones=("552", "553")), (PHONE,)),
        (a_customer(name="Иван Петров"), ("nome do cliente escrito em letras latinas",)),
        (a_customer(name=LONG), ("nome do cliente encurtado de 95 para 71 caracteres",)),
        (
            a_customer(address=at(district=LONG)),
            ("bairro encurtado em 47 caracteres",),
        ),
    ],
)
def test_what_was_left_out_cut_or_moved_is_told(customer: Customer, said: tuple[str, ...]) -> None:
    assert told(customer) == said


def test_a_telephone_abroad_is_no_news() -> None:
    lisbon = at(city="Lisboa", state="Lisboa", zip="1000-001", country="PT")
    assert (
        told(a_customer(address=lisbon, phone="351961234567"), customer_foreign="issue_without")
        == ()
    )


def test_of_a_divided_sale_only_the_parts_own_products_are_told_shorter() -> None:
    lines = tuple(
        a_line(100, id=n, product_id=n, product_code="A" if n else "B", product_name=LONG)
        for n in range(40)
    )
    rule = a_rule(services_by_product_code={"A": {"lc116": "1.07"}, "B": {"lc116": "8.02"}})
    sale = a_sale(a_bill(lines=lines, amount=4_000))
    decision = decide(sale, rule, terms(), NOW)
    assert isinstance(decision, Issue)
    assert decision.division is not None
    shorter = {
        share.amount: told_of(
            decision.draft,
            sale.customer,
            Drawn(sale=sale, rule=rule, zone=SAO_PAULO, share=share),
            FORM,
        )
        for share in decision.division
    }
    assert shorter == {100: (), 3_900: ("descrição encurtada: lista de produtos",)}


@given(
    template=st.lists(
        st.sampled_from(
            ["{produtos}", "{cliente}", "{plano}", "Fatura {fatura}: ", "x" * 300, " "]
        ),
        max_size=6,
    ).map(lambda parts: "Serviço " + "".join(parts)),
    name=st.text(max_size=900),
    products=st.lists(st.text(max_size=400), min_size=1, max_size=5),
)
def test_what_surely_has_room_is_never_told_shorter(
    template: str, name: str, products: list[str]
) -> None:
    lines = tuple(
        a_line(100, id=n, product_id=n, product_name=one) for n, one in enumerate(products)
    )
    customer = a_customer(name=name)
    sale = a_sale(a_bill(lines=lines), customer=customer)
    rule = a_rule(description=template)

    written = write_description(sale, rule, NOW.date(), SAO_PAULO, None)

    if is_told_whole(rule.description, sale.bill, customer):
        assert written.shortened == ()


def test_an_ordinary_bill_surely_has_room() -> None:
    assert is_told_whole("{produtos}, fatura {fatura}", a_bill(), a_customer())
    assert not is_told_whole("{produtos}, fatura {fatura}", a_bill(), a_customer(name="x" * 1000))


def test_a_draft_that_fits_is_known_again_and_a_mended_one_is_not() -> None:
    decision = decide(a_sale(customer=a_customer(name="Ana")), a_rule(), terms(), NOW)
    assert isinstance(decision, Issue)
    draft = decision.draft
    long = replace(draft, tomador=replace(draft.tomador, name=LONG))

    assert [fit_draft(draft, FORM).draft is draft for _ in range(2)] == [True, True]
    assert [fit_draft(long, FORM) == fit_draft(long, FORM) for _ in range(2)] == [True, True]
    assert fit_draft(long, FORM).told == ("nome do cliente encurtado de 95 para 71 caracteres",)
