"""An exception is opened and changed wholly: its conditions, its effect, where it stands."""

from collections.abc import Mapping
from typing import Any

import pytest

from services.panel.kit.forms import TypedForm
from services.panel.show.rule import differences, everything, read
from services.panel.show.rule_exceptions import (
    LISTS,
    MORE_LISTS,
    PLAIN_EXCEPTION,
    exception_asked,
    exceptions_shown,
    listed,
    moved,
    with_exception,
)
from shared.db.tenants import rules_store
from shared.domain.rule import Conditions, Rule
from tests.services.emitter.conftest import TENANT
from tests.services.panel.support import Panel, Seen
from tests.services.panel.test_rule_kept import a_whole_rule

BASE = f"/e/{TENANT}"
ODD = {
    "a name with a comma": {"product_name": ["Oficina, módulo 1", "Curso*"]},
    "a name with quotes": {"product_name": ['Livro 12"', '"Curso" básico', "A"]},
    "a code with a blank": {"product_code": [" A", "B"]},
    "numbers": {"product_id": [11, 12], "plan_id": [13]},
    "no condition": {},
}


def a_rule(*exceptions: Mapping[str, Any], days: int | None = 7) -> Rule:
    return Rule.model_validate(
        {"issue_when": "guarantee_ended", "guarantee_days": days, "exceptions": exceptions}
    )


def never(**conditions: Any) -> Mapping[str, Any]:
    return {"if": conditions, "issue_when": "never"}


def opened(rule: Rule, number: int, **typed: str) -> TypedForm:
    """The form of an exception as a browser sends it in which only this was typed."""
    one = exceptions_shown(rule)[number - 1]
    fields = {"mudar": "excecao", "x_antes": one.mark, **one.fields, **typed}
    return TypedForm(values={name: (value,) for name, value in fields.items()})


def result(rule: Rule, form: TypedForm) -> Rule | Mapping[str, str]:
    told = with_exception(rule, form)
    if isinstance(told, TypedForm):
        return told.errors
    return read(told, exception_asked(rule, form))


def test_the_form_asks_for_every_condition_that_there_is() -> None:
    asked = {name for name, _ in (*LISTS, *MORE_LISTS)} | {"cycle"}

    assert set(Conditions.model_fields) == asked
    assert {*exceptions_shown(a_whole_rule())[0].fields} == {*PLAIN_EXCEPTION}


@pytest.mark.parametrize("odd", ODD)
def test_an_exceptions_form_as_it_stands_gives_the_very_same_rule(odd: str) -> None:
    rule = a_rule({"if": ODD[odd], "issue_when": "guarantee_ended"})

    assert result(rule, opened(rule, 1)) == rule


def test_every_condition_of_an_exception_is_kept_that_nobody_touched() -> None:
    rule = a_whole_rule()

    changed = result(rule, opened(rule, 1, x_payment_method_code="pix, boleto"))

    assert isinstance(changed, Rule)
    before, after = rule.exceptions[0], changed.exceptions[0]
    assert after.if_ == before.if_.model_copy(update={"payment_method_code": ("pix", "boleto")})
    assert after.guarantee_days == 30
    assert changed.exceptions[1] == rule.exceptions[1]


def test_one_of_several_names_is_changed_beside_one_with_a_comma() -> None:
    rule = a_rule(never(product_name=["Oficina, módulo 1", "Curso*"]))
    names = listed(rule.exceptions[0].if_.product_name)

    changed = result(rule, opened(rule, 1, x_product_name=names.replace("Curso*", "Aula*")))

    assert names == '"Oficina, módulo 1", Curso*'
    assert isinstance(changed, Rule)
    assert changed.exceptions[0].if_.product_name == ("Oficina, módulo 1", "Aula*")


def test_a_change_is_told_by_the_new_sentence_and_the_one_that_is_over() -> None:
    rule = a_rule(never(product_code=["A"]), never(product_code=["B"]))

    changed = result(rule, opened(rule, 1, x_plan_name="Anual*", x_cycle="renewal"))

    assert isinstance(changed, Rule)
    assert differences(rule, changed) == [
        "Se o produto é A e o nome do plano é Anual* e é uma renovação, não emitir.",
        "Não vale mais: Se o produto é A, não emitir.",
    ]


def test_another_order_is_told_and_a_change_in_place_is_none() -> None:
    rule = a_rule(never(product_code=["A"]), never(product_code=["B"]), never(product_code=["C"]))
    down, out = read(moved(rule, 0, "descer")), read(moved(rule, 0, "tirar"))
    changed = result(rule, opened(rule, 1, x_product_code="D"))
    assert isinstance(down, Rule)
    assert isinstance(out, Rule)
    assert isinstance(changed, Rule)

    assert differences(rule, down) == ["As exceções valem em outra ordem."]
    assert differences(rule, out) == ["Não vale mais: Se o produto é A, não emitir."]
    assert differences(rule, changed) == [
        "Se o produto é D, não emitir.",
        "Não vale mais: Se o produto é A, não emitir.",
    ]


def test_an_exception_without_days_of_its_own_waits_as_long_as_the_rule_and_says_so() -> None:
    rule = a_rule({"if": {"product_code": ["A"]}, "issue_when": "guarantee_ended"})

    kept = result(rule, opened(rule, 1, x_product_code="B"))
    new = result(rule, opened(rule, 1, x_antes="", x_product_code="B"))

    assert isinstance(kept, Rule)
    assert kept.exceptions[0].guarantee_days is None
    assert "Se o produto é B, emitir 7 dias após o pagamento." in everything(kept)
    assert isinstance(new, Mapping)
    assert [*new] == ["x_dias"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"x_quando": "guarantee_ended", "x_dias": "mil"}, "x_dias"),
        ({"x_quando": "guarantee_ended", "x_dias": "0"}, "x_dias"),
        ({"x_quando": "talvez"}, "x_quando"),
        ({"x_cycle": "segunda"}, "x_cycle"),
        ({"x_product_id": "A"}, "x_product_id"),
        ({"x_plan_id": "1, dois"}, "x_plan_id"),
        ({"x_plan_name": "x" * 256}, "x_plan_name"),
        ({"x_product_code": "A"}, "x_product_code"),
    ],
)
def test_what_is_wrong_with_an_exception_is_said_at_its_field(
    typed: dict[str, str], field: str
) -> None:
    rule = a_rule(never(product_code=["A"]), never(product_code=["B"]))

    wrong = result(rule, opened(rule, 2, **typed))

    assert isinstance(wrong, Mapping)
    assert [*wrong] == [field]
    assert wrong[field][0].isupper()
    assert "_" not in wrong[field]  # no code of ours
    assert "exceptions" not in wrong[field]


def test_what_a_change_makes_of_another_exception_is_said_with_its_number() -> None:
    rule = a_rule(never(product_code=["A"]), never(product_code=["B"]))

    wrong = result(rule, opened(rule, 1, x_product_code=""))

    assert wrong == {"": "Exceção 2: Nunca é alcançada: a exceção 1, que vem antes, já cobre tudo"}


def test_an_exception_is_known_by_its_conditions_wherever_it_stands() -> None:
    rule = a_rule(never(product_code=["A"]), never(product_code=["B"]), never(product_code=["C"]))
    form = opened(rule, 1, x_product_code="A, D")
    later = read(moved(rule, 0, "descer"))
    assert isinstance(later, Rule)
    gone = read(moved(rule, 0, "tirar"))
    assert isinstance(gone, Rule)

    changed = result(later, form)

    assert isinstance(changed, Rule)
    codes = [one.if_.product_code for one in changed.exceptions]
    assert codes == [("B",), ("A", "D"), ("C",)]
    assert "Outra pessoa mudou a regra" in dict(result(gone, form))[""]


def the_form(page: Seen) -> dict[str, str]:
    return next(dict(f) for _, f in page.forms if dict(f).get("mudar") == "excecao")


def address(page: Seen, number: int) -> str:
    """Where the exception is opened, as its link says."""
    before, _, _ = page.html.partition(f'aria-label="Mudar a exceção {number}"')
    return before.rpartition('href="')[2].partition("#")[0]


async def test_an_exception_is_opened_changed_foreseen_and_put_where_it_stands(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    path = f"{BASE}/regra"
    async with panel.person(TENANT) as ana:
        page = await ana.get(path)
        one = await ana.get(address(page, 1))
        form = the_form(one)
        mistyped = form | {"x_product_code": "CURSO, AULA", "x_dias": "mil"}
        wrong = await ana.post(path, [*mistyped.items()])
        again = the_form(wrong)
        same = await ana.post(path, [*form.items()])
        foreseen = await ana.post(
            path, [*{**again, "x_cycle": "first", "x_quando": "bill_paid"}.items()]
        )
        put = await ana.send(foreseen, f"{path}/vigor")
    async with panel.pool.acquire() as conn:
        newest = await rules_store.newest(conn, TENANT)

    assert "Mudar a exceção 1 Hoje: Se o produto é CURSO, emitir 7 dias" in one.text
    assert (form["x_product_code"], form["x_dias"]) == ("CURSO", "7")
    assert wrong.status == 422
    assert (again["x_product_code"], again["x_dias"]) == ("CURSO, AULA", "mil")
    assert 'value="mil" inputmode="numeric" autofocus aria-invalid="true"' in wrong.html
    assert "Nada mudou: a regra já diz isso." in same.text
    told = "Se o produto é CURSO ou AULA e é a primeira cobrança, emitir quando a fatura é paga."
    assert told in foreseen.text
    assert "Não vale mais: Se o produto é CURSO, emitir 7 dias" in foreseen.text
    assert "Regra salva" in put.text
    assert put.text.index(told) < put.text.index("PARCEIRO-1")
    assert newest is not None
    assert newest.rule.exceptions[0].if_.product_code == ("CURSO", "AULA")


async def test_a_tab_whose_exception_moved_or_went_changes_no_other_one(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    path = f"{BASE}/regra"
    async with panel.person(TENANT) as ana, panel.person(TENANT) as rui:
        first = await ana.get(path)
        form = the_form(await ana.get(address(first, 1))) | {"x_product_code": "CURSO, AULA"}
        down = await rui.post(path, [*at_place(await rui.get(path), 0), ("mudar", "descer")])
        await rui.send(down, f"{path}/vigor")
        moved_on = await ana.post(path, [*form.items()])
        foreseen = await ana.post(path, [*the_form(moved_on).items()])
        out = await rui.post(path, [*at_place(await rui.get(path), 1), ("mudar", "tirar")])
        await rui.send(out, f"{path}/vigor")
        late = await ana.send(foreseen, f"{path}/vigor")
        more = the_form(moved_on) | {"x_product_code": "CURSO, AULA, LIVRO"}
        gone = await ana.post(path, [*more.items()])
        new = await ana.post(path, [*the_form(gone).items()])
        await ana.send(new, f"{path}/vigor")
    async with panel.pool.acquire() as conn:
        newest = await rules_store.newest(conn, TENANT)

    codes = ("CURSO", "AULA", "LIVRO")
    assert moved_on.status == 409
    assert "Mudar a exceção 2 Hoje: Se o produto é CURSO" in moved_on.text
    assert "Não vale mais: Se o produto é CURSO, emitir 7 dias" in foreseen.text
    assert "Outra pessoa mudou a regra" in late.text
    assert "A exceção que você mudava foi excluída" in gone.text
    assert the_form(gone)["x_product_code"] == "CURSO, AULA, LIVRO"
    assert "Não vale mais" not in new.text
    assert newest is not None
    assert [one.if_.product_code for one in newest.rule.exceptions][1:] == [codes]


def at_place(page: Seen, place: int) -> list[tuple[str, str]]:
    """The form of the buttons beside an exception."""
    return next(f for _, f in page.forms if dict(f).get("lugar") == str(place))


async def test_whoever_only_reads_sees_exceptions_and_no_form(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana, panel.person(TENANT, "accountant") as bia:
        link = address(await ana.get(f"{BASE}/regra"), 1)
        page = await bia.get(link)
        nonsense = await ana.get(f"{BASE}/regra?excecao=nada")

    assert "Se o produto é CURSO" in page.text
    assert "Mudar a exceção" not in page.text
    assert nonsense.status == 200
    assert 'id="excecao"' not in nonsense.html
