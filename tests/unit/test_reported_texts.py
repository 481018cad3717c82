"""What shops, forms and other programs write into a customer's fields, and what a nota makes of it.

Each line was tried as somebody might report it next.
"""

import pytest

from shared.domain.bill import Address
from shared.domain.cities import find_city, find_state
from shared.domain.decide import decide
from shared.domain.decision import Hold
from shared.domain.misread import as_meant
from shared.domain.party import (
    is_a_name,
    is_foreign,
    missing_address_parts,
    normalise_document,
)
from shared.domain.text.address import fit_address
from shared.domain.text.letters import Alphabet, one_line
from shared.issuer.enotas.form import FORM
from shared.vindi.payloads import read_customer
from tests.builders import NOW, a_customer, a_rule, a_sale, terms


def fitted(street: str, number: str | None) -> tuple[str | None, str | None, str | None]:
    told: list[str] = []
    address = fit_address(
        Address(
            street=street,
            number=number,
            complement=None,
            district="Centro",
            city="São Paulo",
            state="SP",
            zip="01001000",
            country="BR",
        ),
        FORM,
        told,
    )
    assert fit_address(address, FORM, []) == address
    return address.street, address.number or "S/N", address.complement  # as the body says it


@pytest.mark.parametrize(
    ("street", "number", "wanted"),
    [
        ("Rua das Flores, nº 123, bloco 2", None, ("Rua das Flores", "123", "bloco 2")),
        ("Av. Brasil, 1.250", None, ("Av. Brasil", "1.250", None)),
        ("Rua do Sol, 123-A", None, ("Rua do Sol", "123-A", None)),
        ("Travessa 14 de Abril, 1000 Fundos", None, ("Travessa 14 de Abril", "1000", "Fundos")),
        ("Rua Sete, 70 apto 4", "", ("Rua Sete", "70", "apto 4")),
        ("Rua A, S/N", None, ("Rua A", "S/N", None)),
        ("Rua A, s/n, casa 2", None, ("Rua A", "S/N", "casa 2")),
        ("Rua das Flores, 123", "123", ("Rua das Flores", "123", None)),
        ("Rua das Flores, 123", "S/N", ("Rua das Flores", "123", None)),
        ("Rua das Flores, 123", "77", ("Rua das Flores, 123", "77", None)),
        ("Rua 7 de Setembro", "sem número", ("Rua 7 de Setembro", "S/N", None)),
        ("Rua 7 de Setembro", "SN", ("Rua 7 de Setembro", "S/N", None)),
        ("Rua 7 de Setembro", "55,", ("Rua 7 de Setembro", "55", None)),
        ("Rodovia BR 101, km 12", None, ("Rodovia BR 101, km 12", "S/N", None)),
        ("Rodovia BR 101, 12", None, ("Rodovia BR 101, 12", "S/N", None)),
        ("Quadra 12, 5", None, ("Quadra 12, 5", "S/N", None)),
        ("Rua 10", "KM 12", ("Rua 10", "KM 12", None)),
        ("Rua 10", "nº 45", ("Rua 10", "45", None)),
        ("Rua 10", "Número: 45", ("Rua 10", "45", None)),
        ("Rua 10", "Nº: 1234567 bloco", ("Rua 10", "1234567", "bloco")),
        ("Rua 10", "123/125 loja 4 e 5", ("Rua 10", "123/125", "loja 4 e 5")),
        ("Rua 10", "n/a", ("Rua 10", "S/N", None)),
        ("Rua 10", "s/ numero", ("Rua 10", "S/N", None)),
        ("Rua 10", "não tem", ("Rua 10", "S/N", None)),
        ("Rua 10", "N45", ("Rua 10", "N45", None)),
    ],
)
def test_a_house_number_is_found_where_people_write_it(
    street: str, number: str | None, wanted: tuple[str, str, str | None]
) -> None:
    assert fitted(street, number) == wanted


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("BR-SP", "SP"),
        ("SP - São Paulo", "SP"),
        ("São Paulo - SP", "SP"),
        ("São Paulo (SP)", "SP"),
        ("SP/Brasil", "SP"),
        ("Estado de Goiás", "GO"),
        ("Estado do Pará", "PA"),
        ("Rio Grande do Sul/RS", "RS"),
        ("Mato Grosso do Sul", "MS"),
        ("São Paulo - RJ", None),
        ("SP/RJ", None),
        ("Campinas SP", None),
        ("do", None),
        ("35", None),
        ("Brasil", None),
    ],
)
def test_a_state_is_read_as_shops_write_it_and_never_guessed(text: str, state: str | None) -> None:
    assert find_state(text) == state


@pytest.mark.parametrize(
    ("name", "state", "code"),
    [
        ("SÃO PAULO - BRASIL", "SP", "3550308"),
        ("São Paulo SP Brasil", "SP", "3550308"),
        ("São Paulo (Capital)", "SP", "3550308"),
        ("Cidade de São Paulo", "SP", "3550308"),
        ("Município de Itu - SP", "SP", "3523909"),
        ("S. J. dos Campos", "SP", "3549904"),
        ("Assu", "RN", "2400208"),
        ("Búzios", "RJ", "3300233"),
        ("Campos", "RJ", "3301009"),
        ("Augusto Severo", "RN", "2401305"),
        ("Presidente Juscelino", "RN", "2410306"),
        ("Presidente Juscelino", "MG", "3153202"),
        ("Fortaleza do Tabocão", "TO", "1708254"),
        ("Ipauçu", "SP", "3520905"),
        ("Capital", "SP", None),
        ("Brasil", "SP", None),
    ],
)
def test_a_city_is_read_with_what_stands_around_it(name: str, state: str, code: str | None) -> None:
    assert find_city(name, state) == code


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("CPF 123.456.789-09", "12345678909"),
        ("CNPJ: 12.abc.345/01de-35", "12ABC34501DE35"),
        ("CPF/CNPJ nº 123.456.789-09", "12345678909"),
        ("CP.FAB.C12/3456-00", "CPFABC12345600"),
    ],
)
def test_a_document_is_read_behind_its_own_name(written: str, bare: str) -> None:
    assert normalise_document(written) == bare


@pytest.mark.parametrize("name", ["null", "undefined undefined", "N/A", " None ", "Não informado"])
def test_what_a_program_writes_for_no_name_is_none(name: str) -> None:
    assert not is_a_name(name)
    decision = decide(a_sale(customer=a_customer(name=name)), a_rule(), terms(), NOW)
    assert isinstance(decision, Hold)
    assert decision.code == "customer_name_missing"


@pytest.mark.parametrize("name", ["Na Li", "Nan Silva", "ООО Ромашка", "株式会社", "A", "Nulla"])
def test_odd_names_are_names(name: str) -> None:
    assert is_a_name(name)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ana &amp; Bia", "Ana & Bia"),
        ("Ana &amp;amp; Bia", "Ana & Bia"),
        ("Licen&ccedil;a &#39;Ouro&#39;", "Licença 'Ouro'"),
        ("Lojas&nbsp;Sol", "Lojas Sol"),
        ("A&#0;B &#x1F;C", "AB C"),
        ("AT&T;", "AT&T;"),
        ("R&D &notit ltda", "R&D &notit ltda"),
    ],
)
def test_what_a_shop_wrote_for_a_page_is_read(text: str, wanted: str) -> None:
    assert one_line(text) == wanted
    assert one_line(text, Alphabet.UNICODE) == wanted


@pytest.mark.parametrize(
    "text", ["Çà &foo; là", "&foo;Ž", "Ž&a\u200bmp;", "Ž&a\u200bmp;amp;", "Ž&#;"]
)
def test_an_entity_nobody_knows_is_left_and_a_hidden_one_is_found(text: str) -> None:
    written = one_line(text)
    assert one_line(written) == written
    assert ("&foo;" in written) == ("&foo;" in text)
    assert "&amp" not in written


def test_a_number_that_does_not_fit_leaves_the_one_of_the_street() -> None:
    number = "12 esquina com a praça"
    assert fitted("Avenida Sete, 12", "sem placa na frente")[:2] == ("Avenida Sete", "12")
    assert fitted("Avenida Sete, 77", number)[1] == "12"
    long = "Rua do Nome Inventado Muito Comprido, 1234567 e mais um tanto de texto, 12"
    fitted(long, None)
    fitted("Rua do Nome Inventado Muito Comprido de Teste, 12 quadras adiante da praça", None)


@pytest.mark.parametrize(
    ("name", "state", "code"),
    [
        ("Belo Horizonte - Minas Gerais", "MG", "3106200"),
        ("Porto Alegre, Rio Grande do Sul", "RS", "4314902"),
        ("Município de São Paulo", "SP", "3550308"),
        ("São Paulo", "SP", "3550308"),
        ("São Paulo, São Paulo", "SP", "3550308"),
        ("Armação de Búzios", "RJ", "3300233"),
        ("Goiânia&nbsp;", "GO", "5208707"),
        ("Plano Piloto", "DF", "5300108"),
        ("Belo Horizonte - São Paulo", "MG", None),
        ("Minas Gerais", "MG", None),
    ],
)
def test_a_city_is_found_beside_its_states_name(name: str, state: str, code: str | None) -> None:
    assert find_city(name, state) == code


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("JosÃ© da ConceiÃ§Ã£o", "José da Conceição"),
        ("JosÃƒÂ©", "José"),
        ("SÃ£o Paulo", "São Paulo"),
        ("Casa â€“ Bar", "Casa – Bar"),
        ("IRMÃ LUZ", "IRMÃ LUZ"),
        ("IRMÃ\u00a0LUZ", "IRMÃ\u00a0LUZ"),
        ("MAÇÃ® VERDE", "MAÇÃ® VERDE"),
        ("São JosÃ©", "São JosÃ©"),  # only a part would come out
        ("Ângela Maçã", "Ângela Maçã"),
        ("Ana", "Ana"),
    ],
)
def test_what_was_read_in_the_wrong_alphabet_is_read_again(written: str, meant: str) -> None:
    assert as_meant(written) == meant
    assert as_meant(meant) == meant


@pytest.mark.parametrize(
    "document",
    [
        "529.982.247-25 (CPF)",
        "CPF/MF 529.982.247-25",
        "C.P.F. 529.982.247-25",
        "CPF nº 529.982.247-25",
    ],
)
def test_a_document_is_found_beside_the_word_for_it(document: str) -> None:
    assert normalise_document(document) == "52998224725"
    assert normalise_document("CNPJ/MF sob o nº 12.abc.345/01de-35") == "12ABC34501DE35"


@pytest.mark.parametrize("name", ["Não consta", "s/n", "Desconhecido", "SEM CADASTRO"])
def test_what_says_that_there_is_no_name_is_none(name: str) -> None:
    assert not is_a_name(name)
    assert is_a_name(f"{name} Silva")


@pytest.mark.parametrize(
    "name",
    ["(sem nome)", "SEM-NOME", "não  informado", "None None", "[object Object]", "#REF!", "<null>"],
)
def test_what_says_that_there_is_no_name_is_none_however_it_is_set(name: str) -> None:
    assert not is_a_name(name)


@pytest.mark.parametrize("name", ["Nina", "NI", "Nádia N", "Sá", "Undine", "Dona", "#Partiu Ltda"])
def test_names_that_begin_like_none_are_names(name: str) -> None:
    assert is_a_name(name)


@pytest.mark.parametrize(
    "written", ["null", "undefined", "NaN", "None", "(null)", "#N/D", "'null'"]
)
@pytest.mark.parametrize("part", ["street", "neighborhood", "city", "state", "zipcode"])
def test_an_address_of_a_programs_word_for_nothing_lacks_that_part(part: str, written: str) -> None:
    told = {"street": "Rua A", "neighborhood": "Centro", "city": "Curitiba", "state": "PR",
            "zipcode": "80010000"}  # fmt: skip
    address = read_customer({"id": 1, "address": told | {part: written}}).address
    assert len(missing_address_parts(address)) == 1


def test_a_programs_word_for_nothing_is_no_number_complement_document_or_country() -> None:
    fields = ("number", "additional_details", "country")
    customer = read_customer(
        {"id": 1, "registry_code": "null", "address": dict.fromkeys(fields, "undefined")}
    )
    address = customer.address
    assert (address.number, address.complement, address.country) == (None, None, None)
    assert customer.document is None
    assert not is_foreign(address)


@pytest.mark.parametrize(
    "country",
    ["Brasil - BR", "BR/Brasil", "Brasil (BR)", "Brésil", "Brasíl", "76", "+55", "N/A",
     "não informado", "República Federativa do Brasil", "Brazil, Federative Republic of"],
)  # fmt: skip
def test_brazil_is_read_however_it_is_written_and_no_country_is_none(country: str) -> None:
    assert not is_foreign(Address(country=country))


@pytest.mark.parametrize("country", ["NA", "Namíbia", "Portugal - PT", "Brasilândia", "NI", "US"])
def test_another_country_stays_another(country: str) -> None:
    assert is_foreign(Address(country=country))
