"""What is posted when Vindi's texts are as people and shops' modules leave them."""

from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.sales import timeline_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk, a_buyer


async def posted(desk: Desk, bill: Bill) -> dict[str, Any]:
    await desk.work()
    nota = next(iter(desk.notas_of(bill)))
    return dict(nota.body)


async def told(desk: Desk, bill: Bill) -> list[str]:
    async with desk.pool.acquire() as conn:
        story = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))
    return [line.why for line in story if line.what == "text_fitted"]


def living_at(**changes: Any) -> dict[str, Any]:
    return {"address": a_buyer()["address"] | changes}


async def test_a_nota_of_odd_texts_is_posted_clean_and_the_timeline_says_what_moved(
    desk: Desk,
) -> None:
    product = operations.create_product(
        desk.account, name="Plano Zinco\r\n - 2 acessos\x0b\x1f fim"
    )
    bill = await desk.sold(
        customer={
            "name": "  Bia\x0b \N{PARTY POPPER} Fictícia  ",
            "email": "bia@; Fin <\x1ffin@loja.example>",
            "phones": [{"number": "552"}, {"number": "03134567890"}],
            **living_at(
                street="Rua “das” Palmas – lado par",
                number="1.480 Torre C apto 51",
                zipcode="01001 000",
            ),
        },
        lines=[{"product_id": product.id, "amount": "179.90"}],
    )

    body = await posted(desk, bill)

    customer = body["cliente"]
    assert customer["nome"] == "Bia Fictícia"
    assert (customer["email"], body["enviarPorEmail"]) == ("fin@loja.example", True)
    assert customer["telefone"] == "3134567890"
    address = customer["endereco"]
    assert address["logradouro"] == 'Rua "das" Palmas - lado par'
    assert (address["numero"], address["complemento"]) == ("1.480", "Torre C apto 51")
    assert address["cep"] == "01001000"
    assert body["servico"]["descricao"] == f"Plano Zinco - 2 acessos fim - fatura {bill.id}"
    assert await told(desk, bill) == ["o que não cabe no número foi para o complemento"]


async def test_a_usual_nota_has_no_line_about_its_texts(desk: Desk) -> None:
    bill = await desk.sold()
    await posted(desk, bill)
    assert await told(desk, bill) == []


async def test_a_cut_leaves_no_blank_at_an_end_and_is_told(desk: Desk) -> None:
    bill = await desk.sold(
        customer={
            "name": "Cooperativa dos Artesãos Inventados e Amigos do Vale Imaginário do R i o Azul",
            **living_at(
                street="Avenida Senador Fulano Inventado de Nome Muito Comprido e d a Silva",
                additional_details="Galeria Comercial Fictícia   , loja 1204",
            ),
        }
    )

    body = await posted(desk, bill)

    sent = body["cliente"]
    texts = [sent["nome"], *(sent["endereco"][name] for name in ("logradouro", "complemento"))]
    assert [text.strip(" ,") for text in texts] == texts
    assert [len(text) <= most for text, most in zip(texts, (75, 60, 30), strict=True)] == [True] * 3
    line = (await told(desk, bill))[0]
    assert "nome do cliente encurtado de 77 para" in line
    assert "complemento encurtado em" in line
    assert "Fictícia" not in line


async def test_a_hundred_and_twenty_products_do_not_push_out_the_bills_number(desk: Desk) -> None:
    products = [
        operations.create_product(desk.account, name=f"Artigo inventado {n} de nome bem longo")
        for n in range(120)
    ]
    lines = [{"product_id": one.id, "amount": "1.50"} for one in products]
    bill = await desk.sold(lines=lines)

    text = (await posted(desk, bill))["servico"]["descricao"]

    assert len(text) <= 2000
    assert text.endswith(f" itens - fatura {bill.id}")
    assert await told(desk, bill) == ["descrição encurtada: lista de produtos"]


@pytest.mark.parametrize("email", ["bia@", "bia@@loja..example", "bia souza@loja.example"])
async def test_an_address_that_is_none_is_left_out_and_nothing_is_mailed(
    desk: Desk, email: str
) -> None:
    bill = await desk.sold(customer={"email": email, "phones": [{"number": "13105550123"}]})

    body = await posted(desk, bill)

    assert not {"email", "telefone"} & body["cliente"].keys()
    assert body["enviarPorEmail"] is False
    no_email, no_phone = (await told(desk, bill))[0].split("; ")
    assert no_email == "o e-mail do cliente não é um endereço válido e ficou fora da nota"
    assert no_phone == (
        "o telefone do cliente não é um número brasileiro válido e ficou fora da nota"
    )


async def test_a_cnpj_with_letters_is_posted_bare_and_of_a_company(desk: Desk) -> None:
    bill = await desk.sold(customer={"registry_code": "12.abc.345/01de-35\u00a0"})
    customer = (await posted(desk, bill))["cliente"]
    assert (customer["cpfCnpj"], customer["tipoPessoa"]) == ("12ABC34501DE35", "J")


@pytest.mark.parametrize("name", [" ", ".", " - \N{PARTY POPPER}"])
async def test_a_customer_without_a_name_is_held_until_it_has_one(desk: Desk, name: str) -> None:
    bill = await desk.sold(customer={"name": name})
    await desk.work()
    held = await desk.sale(bill)

    operations.edit_customer(desk.account, customer_id=bill.customer_id, name="Bia Fictícia")
    await desk.heard(BillId(bill.id))

    assert (held.status, held.code) == ("held", "customer_name_missing")
    assert (await posted(desk, bill))["cliente"]["nome"] == "Bia Fictícia"
