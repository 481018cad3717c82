"""Tenants read what is wrong with a rule: in Portuguese, with the field's name."""

from typing import Any

import pytest

from shared.portuguese import THEIRS, in_portuguese
from tests.services.api.support import World

RULE: dict[str, Any] = {"issue_when": "bill_paid"}
ADDRESS = {
    "street": "Rua A", "district": "Centro", "city": "Nenhures", "state": "SP", "zip": "01001000",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "field", "said"),
    [
        ({}, "issue_when", "issue_when: é obrigatório"),
        (
            {"issue_when": "amanhã"},
            "issue_when",
            "issue_when: deve ser um destes valores: ",
        ),
        (
            {"issue_when": "guarantee_ended"},
            "guarantee_days",
            "guarantee_days: é obrigatório com issue_when guarantee_ended",
        ),
        (
            {**RULE, "guarantee_days": 366},
            "guarantee_days",
            "guarantee_days: deve ser 365 ou menos",
        ),
        ({**RULE, "garantia": 7}, "garantia", "garantia: não é um campo conhecido"),
        (
            {**RULE, "description": ""},
            "description",
            "description: deve ter ao menos 1 caractere",
        ),
        (
            {**RULE, "service": {"iss_rate": "muito"}},
            "service.iss_rate",
            "iss_rate: deve ser uma porcentagem, como 2.00",
        ),
        (
            {**RULE, "default_address": ADDRESS},
            "default_address",
            "city: o IBGE não conhece essa cidade nesse estado",
        ),
        (
            {**RULE, "description": "{nada}"},
            "description",
            "description: a variável {nada} não existe; as conhecidas são ",
        ),
    ],
)
async def test_a_problem_of_a_rule_is_told_in_portuguese_with_its_field(
    world: World, rule: dict[str, Any], field: str, said: str
) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.put(f"/tenants/{tenant}/rule", rule)

    assert (reply.status, reply.code) == (422, "invalid_request")
    (problem,) = reply.body["errors"]
    assert problem["field"] == field
    assert problem["message"].startswith(said)


@pytest.mark.parametrize("kind", sorted(THEIRS))
def test_nothing_that_pydantic_finds_is_told_in_english(kind: str) -> None:
    said = in_portuguese(kind, "service.lc116", "Input should be a valid thing", {})

    assert said.startswith("lc116: ")
    assert "Input" not in said


def test_one_of_a_list_is_told_by_the_lists_name() -> None:
    said = in_portuguese("string_type", "exceptions.0.if.product_code.3", "Input should be", {})

    assert said == "product_code: deve ser um texto"
    assert in_portuguese("value_error", "service", "service: dito por nós", {}).endswith("por nós")
