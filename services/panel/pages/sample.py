"""A nota of a real bill: as it would be sent, and one in the test environment, with its PDF."""

from typing import Final

from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.once import new_once
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.serve import NotThere
from services.panel.kit.typed import number_said
from services.panel.show import rule as rule_show
from services.panel.show.tried import TriedShown, tried_shown, why_not
from services.panel.texts import text
from shared.commands.sample_nota import ask_sample_nota, look_at_sample, sample_pdf
from shared.commands.try_bill import TryRefused, read_real_bill, try_bill
from shared.db.tenants import rules_store
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId
from shared.domain.rule import Rule
from shared.words import plain_number

PATH: Final = f"{TENANT}/ativacao/exemplo"
ASKED: Final = f"{TENANT}/ativacao/teste"
SAMPLE: Final = f"{TENANT}/ativacao/teste/{{key}}"


async def tried(visit: Visit, rule: Rule, typed: str) -> "TriedShown | str":
    """What becomes of the bill that was typed, or of the newest; or why that cannot be told."""
    number = plain_number(number_said(typed), LARGEST_BILL) if typed.strip() else None
    if typed.strip() and number is None:
        return text("tried.number")
    resources, tenant = visit.resources, visit.tenant.id
    try:
        real = await read_real_bill(
            visit.pool,
            resources.sealer,
            resources.clients,
            tenant,
            None if number is None else BillId(number),
        )
    except TryRefused as refused:
        return why_not(refused.code)
    found = await try_bill(
        visit.pool, resources.sealer, tenant, resources.clients, real, rule, resources.now()
    )
    return tried_shown(found, rule, visit.clock)


async def show(visit: Visit) -> Response:
    """The example."""
    return await _show(visit, visit.form, visit.request.query_params.get("fatura", ""))


async def ask(visit: Visit) -> Response:
    """Have it made in the test environment."""
    form, resources = visit.form, visit.resources
    number = plain_number(number_said(form["fatura"]), LARGEST_BILL)
    try:
        made = await ask_sample_nota(
            visit.pool,
            resources.sealer,
            resources.clients,
            visit.tenant.id,
            once=form["uma_vez"][:64],
            bill=None if number is None else BillId(number),
            by=visit.by,
            now=resources.now(),
        )
    except TryRefused as refused:
        wrong = form.wrong(form_=why_not(refused.code))
        return await _show(visit, wrong, form["fatura"])
    return visit.go(f"{visit.base}/ativacao/teste/{made.external_id}")


async def _show(visit: Visit, form: TypedForm, typed: str) -> Response:
    async with visit.pool.acquire() as conn:
        newest = await rules_store.newest(conn, visit.tenant.id)
    rule = newest.rule if newest else rule_show.NEW
    found = await tried(visit, rule, typed)
    return visit.show(
        "exemplo.html",
        409 if form.errors else 200,
        form=form,
        typed=typed,
        tried=None if isinstance(found, str) else found,
        trouble=found if isinstance(found, str) else "",
        once=form["uma_vez"] or new_once(),
    )


async def show_sample(visit: Visit) -> Response:
    """How the test nota stands; an issuer that is away is said, and asked again."""
    resources, key = visit.resources, _key(visit)
    trouble, found = "", None
    try:
        found = await look_at_sample(
            visit.pool, resources.sealer, resources.clients, visit.tenant.id, key
        )
    except TryRefused as refused:
        trouble = why_not(refused.code)
    if found is None and not trouble:
        raise NotThere
    return visit.show("nota_teste.html", nota=found, trouble=trouble, key=key)


async def pdf(visit: Visit) -> Response:
    """Its PDF, shown by the browser."""
    resources, key = visit.resources, _key(visit)
    try:
        document = await sample_pdf(
            visit.pool, resources.sealer, resources.clients, visit.tenant.id, key
        )
    except TryRefused as refused:
        return visit.show("nota_teste.html", 409, nota=None, trouble=why_not(refused.code), key=key)
    if document is None:
        raise NotThere
    headers = {"Content-Disposition": f'inline; filename="{key}.pdf"'}
    return Response(document, headers=headers, media_type="application/pdf")


def _key(visit: Visit) -> str:
    return str(visit.request.path_params["key"])[:50]


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="sample", get=show, see="see"),
    PanelPage(
        path=f"{TENANT}/ativacao/teste",
        name="sample_ask",
        get=show,
        post=ask,
        see="see",
        do="connect",
    ),
    PanelPage(path=f"{SAMPLE}/nota.pdf", name="sample_pdf", get=pdf, see="see"),
    PanelPage(path=SAMPLE, name="sample_nota", get=show_sample, see="see"),
)
