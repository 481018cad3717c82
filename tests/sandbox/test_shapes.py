"""The stand-in refuses fields that do not have their form, and takes what does."""

from typing import Any

import pytest

from services.sandbox.enotas.shapes import wrong_in

WHOLE: dict[str, Any] = {
    "valorTotal": 1000.0,
    "descontos": 50.0,
    "deducoes": 10.5,
    "naturezaOperacao": "1",
    "serieRps": "NF",
    "consumidorFinal": True,
    "dadosAdicionaisEmail": {"outrosDestinatarios": "a@cliente.example;b@cliente.example"},
    "metadados": {"regimeApuracaoTributosSN": "1", "cidadeprestacao": {"codigo": "3509502"}},
    "cliente": {"tipoPessoa": "J", "inscricaoMunicipal": "123"},
    "servico": {
        "valorIr": 14.25,
        "exportacao": False,
        "exigibilidadeSuspensa": {"tipo": "1", "numeroProcesso": "9"},
        "situacaoTributariaPisCofins": "01",
        "tipoRetencaoPisCofins": "0",
        "pisCofinsApuracaoPropria": {
            "baseCalculo": 950.0, "aliquotaPis": 0.65, "valorPis": 6.18,
            "aliquotaCofins": 3.0, "valorCofins": 28.5,
        },
    },
}  # fmt: skip


def wrong(**changed: Any) -> list[str]:
    service = WHOLE["servico"] | changed.pop("servico", {})
    return list(wrong_in(WHOLE | changed | {"servico": service}, takes_foreign_kind=False))


def test_a_whole_request_is_taken() -> None:
    assert wrong() == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"descontos": "50.00"}, "descontos"),
        ({"deducoes": -1}, "deducoes"),
        ({"deducoes": 1.005}, "deducoes"),
        ({"consumidorFinal": "sim"}, "consumidorFinal"),
        ({"dadosAdicionaisEmail": {"outrosDestinatarios": "a@b.example, c"}},
         "dadosAdicionaisEmail"),
        ({"metadados": {"x": 1}}, "metadados"),
        ({"serieRps": ""}, "serieRps"),
        ({"cliente": {"tipoPessoa": "E"}}, "cliente.tipoPessoa"),
        ({"servico": {"valorIr": "14,25"}}, "servico.valorIr"),
        ({"servico": {"exigibilidadeSuspensa": {"tipo": "1"}}}, "servico.exigibilidadeSuspensa"),
        ({"servico": {"situacaoTributariaPisCofins": "1"}}, "servico.situacaoTributariaPisCofins"),
        ({"servico": {"pisCofinsApuracaoPropria": {"baseCalculo": 1.0}}},
         "servico.pisCofinsApuracaoPropria"),
        ({"servico": {"valorIr": 990.0}}, "valorTotal"),
    ],
)  # fmt: skip
def test_what_does_not_have_its_form_is_named(changed: dict[str, Any], field: str) -> None:
    assert wrong(**changed) == [field]


def test_the_unconfirmed_kind_of_a_foreigner_is_taken_by_switch() -> None:
    body = {"cliente": {"tipoPessoa": "E"}}
    assert list(wrong_in(body, takes_foreign_kind=True)) == []
