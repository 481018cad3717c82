"""Products and plans named by id and by pattern, and exceptions that are never reached."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.choose_rule import choose_moment, choose_service
from shared.domain.impossible import impossible
from shared.domain.patterns import fits, matches
from shared.domain.rule import Rule
from shared.vindi.payloads import read_bill
from tests.builders import a_bill, a_line, a_rule


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        ("Curso*", "Curso de Excel", True),
        ("curso*", "CURSO", True),
        ("Curso", "Curso de Excel", False),
        ("licenca *", "Licença  anual", True),
        ("*mensal", "Plano Mensal", True),
        ("*mensal", "Mensalidade", False),
        ("plano*ouro*", "Plano Família Ouro 2026", True),
        ("plano*ouro*", "Ouro do plano", False),
        ("a*a", "a", False),  # the end is not the beginning once more
        ("*", "", True),
        ("Edição [beta].", "edicao [BETA].", True),  # nothing but the star has a meaning
    ],
)
def test_a_name_is_meant_by_a_pattern(pattern: str, name: str, meant: bool) -> None:
    assert matches(pattern, name) is meant


def test_a_pattern_full_of_stars_takes_no_time() -> None:
    begun = time.process_time()

    assert not fits("*a" * 60 + "*b", "a" * 2_000)
    assert time.process_time() - begun < 1


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_pattern_within_a_pattern_means_nothing_more(wide: str, narrow: str, name: str) -> None:
    if fits(wide, narrow) and fits(narrow, name):
        assert fits(wide, name)


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"product_id": [7]}, True),
        ({"product_id": ["7"]}, True),
        ({"product_id": [8]}, False),
        ({"product_name": ["plano*"]}, True),
        ({"product_name": ["plano"]}, False),
        ({"product_name": ["curso*", "*exemplo"]}, True),
        ({"plan_id": [31]}, True),
        ({"plan_id": [32]}, False),
        ({"plan_name": ["Assinatura*"]}, True),
        ({"plan_name": ["Anual*"]}, False),
        ({"product_id": [7], "plan_name": ["Anual*"]}, False),  # all of them must hold
        ({"product_id": [7], "product_code": ["OUTRO"]}, False),
        ({"product_id": [7], "plan_id": [31], "product_name": ["*"]}, True),
    ],
)
def test_an_exception_holds_by_id_and_by_name(conditions: dict[str, Any], holds: bool) -> None:
    rule = a_rule(exceptions=[{"if": conditions, "issue_when": "never"}])
    bill = a_bill(plan_id=31, plan_name="Assinatura Mensal")
    moment = choose_moment(bill, rule)

    assert moment is not None
    assert (moment.exception == 1) is holds


def test_what_has_no_name_is_meant_by_no_pattern() -> None:
    rule = a_rule(
        exceptions=[{"if": {"product_name": ["*"]}, "issue_when": "never"}],
        services_by_product_name={"*": {"lc116": "8.02"}},
        service={"lc116": "1.07"},
    )
    bill = a_bill(lines=(a_line(product_name=""),))
    moment, service = choose_moment(bill, rule), choose_service(bill, rule)

    assert moment is not None
    assert moment.exception is None
    assert service is not None
    assert service.lc116 == "1.07"


def test_a_product_has_the_service_of_its_id_before_its_code_before_its_name() -> None:
    by_name = {"plano*": {"lc116": "8.02"}, "*exemplo": {"lc116": "8.01"}}
    by_code = {"PLANO": {"lc116": "1.05"}}
    by_id = {"7": {"lc116": "1.03"}}
    found = [
        choose_service(a_bill(), a_rule(**said))
        for said in (
            {"services_by_product_name": by_name},
            {"services_by_product_name": by_name, "services_by_product_code": by_code},
            {
                "services_by_product_name": by_name,
                "services_by_product_code": by_code,
                "services_by_product_id": by_id,
            },
        )
    ]

    assert [service and service.lc116 for service in found] == ["8.02", "1.05", "1.03"]


@pytest.mark.parametrize(
    "said",
    [
        {"exceptions": [{"if": {"product_id": [0]}, "issue_when": "never"}]},
        {"exceptions": [{"if": {"product_id": ["x"]}, "issue_when": "never"}]},
        {"exceptions": [{"if": {"product_id": [True]}, "issue_when": "never"}]},
        {"exceptions": [{"if": {"plan_id": [7.5]}, "issue_when": "never"}]},
        {"exceptions": [{"if": {"plan_name": [" "]}, "issue_when": "never"}]},
        {"services_by_product_id": {"sete": {}}},
        {"services_by_product_name": {"": {}}},
    ],
)
def test_what_names_nothing_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_rule(**said)


def test_a_rule_with_names_is_the_same_after_it_was_stored() -> None:
    rule = a_rule(
        exceptions=[{"if": {"product_id": ["7"], "plan_name": ["A*"]}, "issue_when": "never"}],
        services_by_product_id={"7": {"lc116": "1.07"}},
        services_by_product_name={"Curso*": {"lc116": "8.02"}},
    )

    assert Rule.model_validate_json(rule.model_dump_json(by_alias=True)) == rule


def test_a_bill_says_its_plans_id_and_name() -> None:
    bill = read_bill(
        {
            "id": 1,
            "amount": "100.0",
            "status": "paid",
            "created_at": "2026-11-09T12:00:00.000-03:00",
            "customer": {"id": 9, "name": "Cliente"},
            "bill_items": [],
            "subscription": {"id": 3, "plan": {"id": 3614, "name": "Plano de 1 ano", "code": ""}},
        }
    )

    assert (bill.plan_id, bill.plan_name, bill.plan_code) == (3614, "Plano de 1 ano", None)


def never(*conditions: dict[str, Any]) -> list[int]:
    told = {"exceptions": [{"if": one, "issue_when": "never"} for one in conditions]}
    return [int(one.field[1]) for one in impossible(told)]


@pytest.mark.parametrize(
    ("conditions", "unreached"),
    [
        ([{"product_id": [7, 8]}, {"product_id": ["7"]}], [1]),
        ([{"product_id": [7]}, {"product_id": [7, 8]}], []),
        ([{"product_name": ["Curso*"]}, {"product_name": ["curso de excel"]}], [1]),
        ([{"product_name": ["Curso*"]}, {"product_name": ["Curso de *"]}], [1]),
        ([{"product_name": ["Curso de *"]}, {"product_name": ["Curso*"]}], []),
        ([{"product_name": ["Curso*"]}, {"product_name": ["Curso a", "Livro"]}], []),
        ([{"plan_name": ["*"]}, {"plan_name": ["A"], "cycle": "first"}], [1]),
        ([{"plan_name": ["*"]}, {"plan_code": ["A"]}], []),
        ([{"product_code": ["A"]}, {"product_id": [7]}], []),
        ([{"product_code": ["A"]}, {"product_code": ["A"], "plan_id": [1]}], [1]),
        ([{"product_code": ["007"]}, {"product_code": ["7"]}], []),
        ([{"cycle": "first"}, {"product_id": [7], "cycle": "first"}, {"product_id": [7]}], [1]),
        ([{}, {"plan_id": [1]}, {"plan_id": [2]}], [1, 2]),
    ],
)
def test_an_exception_that_is_never_reached_is_found(
    conditions: list[dict[str, Any]], unreached: list[int]
) -> None:
    assert never(*conditions) == unreached


_CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "product_code": st.lists(st.sampled_from("AB"), min_size=1, max_size=2),
        "plan_id": st.lists(st.sampled_from([1, 2]), min_size=1, max_size=2),
        "product_name": st.lists(st.sampled_from(["a*", "ab", "*"]), min_size=1, max_size=2),
        "cycle": st.sampled_from(["any", "first"]),
    },
)


@given(st.lists(_CONDITIONS, max_size=7), st.sampled_from("AB"), st.sampled_from([1, 2]))
def test_what_is_called_unreached_never_speaks(
    conditions: list[dict[str, Any]], code: str, plan: int
) -> None:
    """And whichever speaks is not called unreached, however the others are filed."""
    told = {"exceptions": [{"if": one, "issue_when": "never"} for one in conditions]}
    unreached = {int(one.field[1]) + 1 for one in impossible(told)}
    bill = a_bill(plan_id=plan, cycle=1, lines=(a_line(product_code=code, product_name="Ab"),))
    # As it was stored once: what is unreached would be refused now.
    rule = Rule.model_construct(**a_rule().__dict__ | {"exceptions": _read(told)})
    moment = choose_moment(bill, rule)

    assert moment is not None
    assert moment.exception not in unreached


def _read(told: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(a_rule(exceptions=[one]).exceptions[0] for one in told["exceptions"])


@pytest.mark.parametrize(
    "conditions",
    [
        lambda n: {"product_code": [f"P{n}"]},
        lambda n: {"product_code": ["P"], "plan_code": [f"A{n}"]},
        lambda n: {"product_name": [f"P{n} *"]},
        lambda n: {"product_name": ["P*"], "plan_id": [n + 1]},
        lambda _: {"product_name": ["P*"]},
        lambda n: {"product_name": [f"P{n} {m}*" for m in range(20)]},
        lambda n: {"product_name": ["P*"] if n % 2 else [f"P{n} {m}" for m in range(20)] + ["Q"]},
    ],
)
def test_two_thousand_exceptions_are_looked_through_at_once(conditions: Any) -> None:
    begun = time.process_time()
    never(*(conditions(number) for number in range(2_000)))

    assert time.process_time() - begun < 3  # a third of a second, on a crowded machine


def test_patterns_by_the_thousand_are_not_each_tried_on_names_by_the_thousand() -> None:
    patterns = [*(f"*z{number}*" for number in range(3_000)), "B*"]
    names = [*(f"B{number}" for number in range(3_000)), "C"]
    begun = time.process_time()
    never({"product_name": patterns}, {"product_name": names})

    assert time.process_time() - begun < 2  # nine million comparisons would take some ten
