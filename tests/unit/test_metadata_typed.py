"""Metadata at Vindi as people and shops type it: read, or held with its key, never passed over."""

from typing import Any

import pytest

from shared.domain.sale import SaleFacts
from tests.builders import a_customer, a_sale
from tests.unit.fiscal import PLAIN, a_fiscal_sale, at, drafted, held, posted

RULE: dict[str, Any] = {
    "service": {
        **PLAIN,
        "withholdings": {"irrf": "1.50"},
        "nature": "5",
        "observations": "Contrato",
        "suspension": {"kind": "1", "process": "77"},
        "rps_series": "A",
        "special_regime": "6",
        "more_emails": ["fiscal@loja.com.br"],
    }
}


def sold(**metadata: Any) -> SaleFacts:
    return a_fiscal_sale(metadata=metadata, document="11222333000181")


@pytest.mark.parametrize(
    "key",
    [
        "nota iss retido",
        "nota-iss-retido",
        "Nota_ISS_Retido",
        "nota_iss_retido_",
        " NOTA ISS-RETIDO ",
    ],
)
def test_a_key_is_read_however_its_words_are_joined(key: str) -> None:
    service = {**RULE["service"], "special_regime": None}
    assert at(posted(drafted(sold(**{key: "sim"}), service=service)), "servico.issRetidoFonte")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("nota_iss_retida", "nota_iss_retido"),
        ("nota_issretido", "nota_iss_retido"),
        ("nota_irff", "nota_irrf"),
        ("nota_irf", "nota_irrf"),
        ("nota_ir", "nota_irrf"),
        ("nota_retencao", "nota_retencoes"),
        ("nota_natureza_operacao", "nota_natureza"),
        ("nota_observação", "nota_observacoes"),
        ("nota_dedução", "nota_deducoes"),
        ("nota_municipio_prestação_", None),
        ("nota_municipio_de_prestacao", "nota_municipio_prestacao"),
        ("nota_inscrição_municipal_", None),
    ],
)
def test_a_key_that_nearly_is_ours_holds_the_sale_and_names_the_right_one(
    key: str, meant: str | None
) -> None:
    value = "12" if "inscri" in key else "Campinas/SP"
    if meant is None:  # ours after all
        drafted(sold(**{key: value}), **RULE)
        return
    of_bill = held(sold(**{key: "1"}), **RULE)
    assert (of_bill.code, of_bill.detail) == (
        "metadata_invalid",
        f"{key}: a chave não existe; seria {meant}?",
    )
    customer = a_customer(metadata={key: "1"})
    of_customer = held(a_sale(a_fiscal_sale().bill, customer=customer), **RULE)
    assert of_customer.code == "customer_metadata_invalid"


@pytest.mark.parametrize(
    "key",
    ["nota_fiscal", "nota_numero", "nota_nf", "nota_pdf", "nota_tipo", "nota_", "nota", "notas"],
)
def test_what_shops_keep_of_notas_is_none_of_our_business(key: str) -> None:
    assert drafted(sold(**{key: "sim"}), **RULE) == drafted(sold(), **RULE)


def test_an_empty_key_that_nearly_is_ours_says_nothing() -> None:
    assert drafted(sold(nota_irff="", nota_ir=None), **RULE) == drafted(sold(), **RULE)


@pytest.mark.parametrize("fraction", ["0,015", "0.015", 0.015, "0.015%"])
@pytest.mark.parametrize("key", ["nota_irrf", "nota_inss", "nota_csll"])
def test_a_fraction_is_never_withheld_as_a_percentage(key: str, fraction: object) -> None:
    assert "fração" in held(sold(**{key: fraction}), **RULE).detail
    assert "fração" in held(sold(nota_pis_proprio="0,0065", nota_cofins_proprio="3"), **RULE).detail


@pytest.mark.parametrize(
    "metadata",
    [
        {"nota_irrf": "1", "NOTA_IRRF": "2"},
        {"nota_municipio_prestacao": "Campinas/SP", "nota_pais_prestacao": "PT"},
        {"nota iss retido": "sim", "nota_iss_retido": "não"},
    ],
)
def test_two_keys_that_say_two_things_are_not_chosen_between(metadata: dict[str, str]) -> None:
    assert "diz outra coisa que" in held(sold(**metadata), **RULE).detail


def test_two_keys_that_say_the_same_say_it() -> None:
    body = posted(drafted(sold(**{"nota_irrf": "2", "Nota IRRF": "2,0"[:1]}), **RULE))
    assert at(body, "servico.valorIr") == 20.0
    copies = {"nota_email": "a@loja.com.br", "nota_emails": "b@loja.com.br, a@loja.com.br"}
    body = posted(drafted(sold(**copies), **RULE))
    assert at(body, "dadosAdicionaisEmail.outrosDestinatarios") == "a@loja.com.br;b@loja.com.br"


@pytest.mark.parametrize("nothing", ["nenhum", "Nenhuma", "-"])
@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("nota_natureza", "naturezaOperacao"),
        ("nota_observacoes", "observacoes"),
        ("nota_suspensao_tipo", "servico.exigibilidadeSuspensa"),
        ("nota_suspensao_processo", "servico.exigibilidadeSuspensa"),
        ("nota_irrf", "servico.valorIr"),
        ("nota_retencoes", "servico.valorIr"),
        ("nota_serie_rps", "serieRps"),
        ("nota_regime_especial", "servico.regimeEspecialTributacao"),
        ("nota_emails", "dadosAdicionaisEmail"),
    ],
)
def test_a_bill_and_a_customer_take_away_what_was_stated_before(
    key: str, path: str, nothing: str
) -> None:
    assert at(posted(drafted(sold(), **RULE)), path) is not None
    assert at(posted(drafted(sold(**{key: nothing}), **RULE)), path) is None
    customer = a_customer(metadata={key: nothing}, document="11222333000181")
    sale = a_sale(a_fiscal_sale().bill, customer=customer)
    assert at(posted(drafted(sale, **RULE)), path) is None


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"nota_situacao_pis_cofins": "88"}, "CST"),
        ({"nota_pais_prestacao": "XX"}, "ISO 3166"),
        ({"nota_valor_moeda": "10,00"}, "obrigatória"),
        ({"nota_moeda": "978", "nota_valor_moeda": "0"}, "maior que zero"),
        ({"nota_regimeApuracaoTributosSN": "9"}, "1, 2 ou 3"),
        ({"nota_valorPercentualTributosFederal": "alto"}, "porcentagem"),
        ({"nota_emails": ".a@loja.com.br"}, "e-mail"),
        ({"nota_irrf": "١"}, "porcentagem"),
    ],
)
def test_what_no_nota_could_carry_is_held_and_named(metadata: dict[str, str], said: str) -> None:
    found = held(sold(**metadata), **RULE)
    assert found.code == "metadata_invalid"
    assert said in found.detail


def test_a_situation_that_lost_its_zero_is_read() -> None:
    body = posted(drafted(sold(nota_situacao_pis_cofins=1), **RULE))
    assert at(body, "servico.situacaoTributariaPisCofins") == "01"


def test_metadata_completes_the_extras_of_the_rule_and_can_take_one_away() -> None:
    extras = {"valorTotalRecebido": "{valor}", "regimeApuracaoTributosSN": "1"}
    rule = {"service": {**PLAIN, "extras": extras}}
    told = {"nota_regimeApuracaoTributosSN": "2", "nota_cidadeprestacao.codigo": "77"}
    assert at(posted(drafted(sold(**told), **rule)), "metadados") == {
        "valorTotalRecebido": "1000.00",
        "regimeApuracaoTributosSN": "2",
        "cidadeprestacao": {"codigo": "77"},
    }
    less = {"nota_regimeApuracaoTributosSN": "nenhum"}
    left = at(posted(drafted(sold(**less), **rule)), "metadados")
    assert left == {"valorTotalRecebido": "1000.00"}
