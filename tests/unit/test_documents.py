"""CPF and CNPJ in what somebody typed."""

import pytest

from shared.domain.documents import names_document


@pytest.mark.parametrize(
    "text",
    [
        "529.982.247-25", "52998224725", "529 982 247 25", "529982247-25", " 5-2-9-98224725 ",
        "Maria 529.982.247-25", "cpf:52998224725", "529.982.247-24",  # a digit mistyped
        "11.222.333/0001-81", "11222333000181", "CNPJ 11222333000181.", "11 222 333 0001 81",
        "12.ABC.345/01DE-35", "12abc34501de35", "\uff15\uff12\uff19982247-25",
        "/e/t0/vendas?q=52998224725&x=1", "529.982.247-25,153.509.460-56",
    ],
)  # fmt: skip
def test_a_document_is_known_however_it_is_written(text: str) -> None:
    assert names_document(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "4711", "123456789", "Padaria Boreal", "MariadasDores1", "Rua 12, 345", "01.07.00188",
        "2026-11-29", "tabcdefghij", "62.01-5-01", "1.0701.00.00", "100%",
    ],
)  # fmt: skip
def test_what_is_none_is_not_taken_for_one(text: str) -> None:
    assert not names_document(text)
