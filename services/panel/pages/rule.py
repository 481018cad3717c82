"""Regra: in sentences, changed by a form, foreseen before it is in force, with its versions."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.pages.sample import tried
from services.panel.show import rule as shown
from services.panel.show.rule_beyond import beyond_form
from services.panel.show.rule_cities import (
    RATES,
    STATES,
    buyer_choices,
    cities_shown,
    with_city,
    without_city,
)
from services.panel.show.rule_exceptions import (
    CYCLES,
    LISTS,
    MORE_LISTS,
    PLAIN_EXCEPTION,
    WHEN,
    exception_asked,
    exceptions_shown,
    moved,
    reordered,
    with_days,
    with_exception,
)
from services.panel.show.rule_services import (
    plain_service,
    services_shown,
    with_service,
    without_service,
)
from services.panel.show.tried import TriedShown
from services.panel.texts import text
from shared.commands.checks import SetUpRefused, rule_notices
from shared.commands.rule_change import foresee_change
from shared.db.tenants import rules_store, tenants_store
from shared.db.tenants.rules_store import RuleVersion
from shared.domain.rule import Rule

PATH: Final = f"{TENANT}/regra"
_VERSIONS: Final = 10
_WITH_FIELDS: Final = frozenset({"campos", "excecao", "cidade", "servico"})


async def show(visit: Visit) -> Response:
    """The rule in force, and the form to change it."""
    return await _show(visit, visit.form)


async def propose(visit: Visit) -> Response:
    """What was changed, foreseen; with nothing in force yet it is put at once."""
    form = visit.form
    newest = await _newest(visit)
    stale = form.stale(shown.rule_facts(newest, visit.clock), text("rule.moved"))
    if stale is not None:
        return await _show(visit, stale, status=409)
    rule = newest.rule if newest else shown.NEW
    told = _proposed(rule, form)
    if isinstance(told, TypedForm):
        return await _show(visit, told)
    read = shown.read(told, _asked(rule, form))
    if isinstance(read, dict):
        return await _show(visit, form.wrong(**_at_fields(form, read)))
    if form.has("exemplo"):
        return await _show(visit, form, await tried(visit, read, form["fatura"]))
    if newest is not None and read == newest.rule:
        return await _show(visit, form.wrong(form_=text("rule.same")))
    if visit.tenant.status == "setting_up":
        return await _put(visit, read, newest)
    return await _foresee(visit, read, newest)


def _at_fields(form: TypedForm, wrong: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by field; above the page where the form that was sent has no place for it."""
    if form["mudar"] in _WITH_FIELDS:
        return {name or "form_": said for name, said in wrong.items()}
    said = next(iter(wrong.values()))
    return {"form_": text("rule.days_wrong", said=said) if form["mudar"] == "dias" else said}


def _proposed(rule: Rule, form: TypedForm) -> dict[str, Any] | TypedForm:
    """The rule as JSON, changed as the form says; or a form with what is wrong."""
    match form["mudar"]:
        case "excecao":
            return with_exception(rule, form)
        case "subir" | "descer" | "tirar" as way:
            return moved(rule, _place(form), way)
        case "dias":
            return with_days(rule, _place(form), form["x_dias"])
        case "ordem":
            again = reordered(rule, form.all("ordem"))
            return TypedForm().wrong(form_=text("rule.moved")) if again is None else again
        case "cidade":
            return with_city(rule, form)
        case "servico":
            return with_service(rule, form)
        case "tirar_servico":
            return without_service(rule, form["p_qual"])
        case "tirar_cidade":
            return without_city(rule, form["c_codigo"])
        case _:
            return shown.with_fields(rule, form)


async def put(visit: Visit) -> Response:
    """Put in force what was foreseen; told when another version came between."""
    form = visit.form
    rule = shown.stored(form["regra"])
    newest = await _newest(visit)
    if rule is None:
        return await _show(visit, form.wrong(form_=text("rule.lost")))
    stale = form.stale(shown.rule_facts(newest, visit.clock), text("rule.moved"))
    if stale is not None:
        return await _show(visit, stale, status=409)
    if form["versao"] != str(newest.version if newest else 0):
        return await _show(visit, TypedForm().wrong(form_=text("rule.moved")))
    if form.has("testar"):
        return await _foresee(visit, rule, newest, tested=await tried(visit, rule, form["fatura"]))
    return await _put(visit, rule, newest)


async def _put(visit: Visit, rule: Rule, newest: RuleVersion | None) -> Response:
    try:
        await visit.resources.set_up.put_rule(
            visit.tenant.id,
            rule,
            by=visit.by,
            today=visit.clock.today,
            confirmed=visit.form.all("confirmo"),
        )
    except SetUpRefused:
        # Something unusual is in it: it is shown, to be confirmed.
        return await _foresee(visit, rule, newest, unconfirmed=True)
    to = "ativacao" if visit.tenant.status == "setting_up" else "regra"
    return visit.go(f"{visit.base}/{to}", "rule_put")


async def _foresee(
    visit: Visit,
    rule: Rule,
    newest: RuleVersion | None,
    *,
    unconfirmed: bool = False,
    tested: TriedShown | str = "",
) -> Response:
    resources, before = visit.resources, newest.rule if newest else None
    change = await foresee_change(
        visit.pool, resources.sealer, visit.tenant.id, rule, resources.now()
    )
    async with visit.pool.acquire() as conn:
        seller = (await tenants_store.terms(conn, visit.tenant.id)).seller
    return visit.show(
        "regra_previa.html",
        409 if unconfirmed else 200,
        rule=shown.carried(rule),
        version=newest.version if newest else 0,
        facts=shown.rule_facts(newest, visit.clock),
        differences=shown.differences(before, rule),
        change=change,
        changes=shown.changes(
            change.changes,
            visit.zone,
            moves=shown.only_moves(before, rule),
            checks=shown.only_checks(before, rule),
        ),
        changed=sum(one.sales for one in change.changes),
        warnings=rule_notices(rule, visit.clock.today, seller),
        unconfirmed=unconfirmed,
        form=visit.form,
        **_tested(tested),
    )


async def test_one(visit: Visit) -> Response:
    """What the rule in force makes of one real bill."""
    newest = await _newest(visit)
    rule = newest.rule if newest else shown.NEW
    number = visit.request.query_params.get("fatura", "")
    found = await tried(visit, rule, number)
    return visit.show("regra_teste.html", number=number[:30], newest=newest, **_tested(found))


def _tested(found: TriedShown | str) -> dict[str, Any]:
    return {
        "tried": None if isinstance(found, str) else found,
        "trouble": found if isinstance(found, str) else "",
    }


def _asked(rule: Rule, form: TypedForm) -> int | None:
    """The place of the exception that a form is about, if it is about one."""
    match form["mudar"]:
        case "excecao":
            return exception_asked(rule, form)
        case "dias":
            return _place(form)
        case _:
            return None


def _place(form: TypedForm) -> int:
    place = form["lugar"]
    return int(place) if place.isascii() and place.isdigit() and len(place) < 5 else -1


async def _newest(visit: Visit) -> RuleVersion | None:
    async with visit.pool.acquire() as conn:
        return await rules_store.newest(conn, visit.tenant.id)


async def _show(
    visit: Visit, form: TypedForm, tested: TriedShown | str = "", status: int | None = None
) -> Response:
    async with visit.pool.acquire() as conn:
        versions = await rules_store.versions(
            conn, visit.tenant.id, before=None, limit=_VERSIONS + 1
        )
    newest = versions[0] if versions else None
    rule = newest.rule if newest else shown.NEW
    cities, services = cities_shown(rule), services_shown(rule)
    exceptions = exceptions_shown(rule)
    mark = form["x_antes"] if form["mudar"] == "excecao" else _param(visit, "excecao")
    older = [*versions[1:], None][: len(versions)]
    return visit.show(
        "regra.html",
        status or (422 if form.errors else 200),
        form=form,
        facts=shown.rule_facts(newest, visit.clock),
        values=shown.filled(rule),
        rule=rule,
        newest=newest,
        sentences=[*shown.sentences(rule), *shown.on_the_nota(rule)] if newest else [],
        beyond=beyond_form(rule),
        exceptions=exceptions,
        exception=next((one for one in exceptions if one.mark == mark), None),
        plain_exception=PLAIN_EXCEPTION,
        adding=next((name for name in ("servico", "cidade") if _param(visit, name)), ""),
        services=services,
        service=next((one for one in services if one.mark == _param(visit, "servico")), None),
        plain=plain_service(rule),
        cities=cities,
        city=next((one for one in cities if one.mark == _param(visit, "cidade")), None),
        states=STATES,
        rates=[(word, text(f"city_rate.{word or 'any'}")) for word in RATES],
        buyers=buyer_choices(),
        when=WHEN,
        lists=[name for name, _ in LISTS],
        more_lists=[name for name, _ in MORE_LISTS],
        cycles=list(CYCLES.items()),
        versions=[
            (one, shown.differences(before.rule if before else None, one.rule))
            for one, before in zip(versions, older, strict=True)
        ][:_VERSIONS],
        sent=form["mudar"] == "campos",
        **_tested(tested),
    )


def _param(visit: Visit, name: str) -> str:
    """What is to be changed, as the address says."""
    return visit.request.query_params.get(name, "")


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="rule", get=show, post=propose, see="see", do="rule"),
    PanelPage(path=f"{PATH}/teste", name="rule_test", get=test_one, see="see"),
    PanelPage(path=f"{PATH}/vigor", name="rule_put", post=put, see="see", do="rule"),
)
