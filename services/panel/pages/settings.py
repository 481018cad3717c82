"""Configurações: the company, its people, and the log of what was changed."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.texts import TEXTS, text
from shared.commands.people import (
    PeopleRefused,
    change_role,
    invite,
    password_link_for_member,
    remove_member,
    withdraw_invitation,
)
from shared.db.people import links_store, memberships_store, people_store
from shared.db.tenants import audit_store, connections_store
from shared.db.tenants.audit_store import AuditEntry
from shared.domain.ids import PersonId
from shared.domain.people import ROLES, Role, plain_email
from shared.words import Name, plain_number

PATH: Final = f"{TENANT}/configuracoes"
ZONES: Final[tuple[tuple[str, str], ...]] = (
    ("America/Sao_Paulo", "Brasília (São Paulo, Rio, Sul, Nordeste)"),
    ("America/Manaus", "Manaus"),
    ("America/Cuiaba", "Cuiabá"),
    ("America/Campo_Grande", "Campo Grande"),
    ("America/Belem", "Belém"),
    ("America/Fortaleza", "Fortaleza"),
    ("America/Recife", "Recife"),
    ("America/Bahia", "Salvador"),
    ("America/Porto_Velho", "Porto Velho"),
    ("America/Boa_Vista", "Boa Vista"),
    ("America/Rio_Branco", "Rio Branco"),
    ("America/Noronha", "Fernando de Noronha"),
)
_LOG: Final = 50


class _Company(BaseModel):
    nome: Name


class _Invited(BaseModel):
    papel: Role


async def show(visit: Visit) -> Response:
    """The company and where to find the rest."""
    return await _show(visit, visit.form)


async def change(visit: Visit) -> Response:
    """Name and zone."""
    read = visit.form.read(_Company)
    zone = visit.form["fuso"]
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    known = zone in dict(ZONES) or zone == visit.tenant.timezone
    if not known:
        return await _show(visit, visit.form.wrong(fuso=text("needed")))
    await visit.resources.set_up.change_tenant(
        visit.tenant.id, name=read.nome, plan=None, timezone=zone, by=visit.by
    )
    return visit.go(f"{visit.base}/configuracoes", "saved")


async def people(visit: Visit) -> Response:
    """Who may come in."""
    return await _people(visit, visit.form)


async def invite_somebody(visit: Visit) -> Response:
    """Make a link, and show it: it is shown once."""
    form = visit.form
    read = form.read(_Invited)
    if isinstance(read, TypedForm):
        return await _people(visit, read)
    typed = form["email"].strip()
    email = plain_email(typed) if typed else None
    if typed and email is None:
        return await _people(visit, form.wrong(email=text("email.wrong")))
    resources = visit.resources
    token = await invite(
        resources.pool, resources.sealer, visit.tenant.id, read.papel, email=email, by=visit.by
    )
    return await _people(visit, TypedForm(), link=f"{resources.public_url}/convite/{token}")


async def change_somebody(visit: Visit) -> Response:
    """Another role, no role any more, a link for a new password, or an invitation taken back."""
    form, resources, tenant = visit.form, visit.resources, visit.tenant.id
    person, what = PersonId(form["pessoa"]), form["fazer"]
    try:
        if what == "tirar":
            await remove_member(resources.pool, tenant, person, by=visit.by)
            return visit.go(f"{visit.base}/configuracoes/pessoas", "removed")
        if what == "senha":
            token = await password_link_for_member(
                resources.pool, resources.sealer, tenant, person, by=visit.by
            )
            return await _people(visit, TypedForm(), link=f"{resources.public_url}/senha/{token}")
        if what == "retirar":
            hashed = _hash(form["convite"])
            await withdraw_invitation(resources.pool, tenant, hashed, by=visit.by)
            return visit.go(f"{visit.base}/configuracoes/pessoas", "withdrawn")
        for role in ROLES:
            if role == form["papel"]:
                await change_role(resources.pool, tenant, person, role, by=visit.by)
    except PeopleRefused as refused:
        return await _people(visit, form.wrong(form_=text(f"people.{refused.code}")))
    return visit.go(f"{visit.base}/configuracoes/pessoas", "saved")


async def log(visit: Visit) -> Response:
    """What was changed, by whom and why."""
    given = visit.request.query_params.get("antes", "")
    before = plain_number(given, 2**63 - 1)
    async with visit.pool.acquire() as conn:
        found = await audit_store.newest_first(conn, visit.tenant.id, before=before, limit=_LOG + 1)
    shown = found[:_LOG]
    return visit.show(
        "registro.html",
        entries=[(one, _action(one), _detail(one.detail)) for one in shown],
        next=shown[-1].id if len(found) > _LOG else None,
    )


async def _show(visit: Visit, form: TypedForm) -> Response:
    async with visit.pool.acquire() as conn:
        found = await connections_store.get(conn, visit.resources.sealer, visit.tenant.id)
    zones = ZONES
    if visit.tenant.timezone not in dict(ZONES):
        zones = ((visit.tenant.timezone, visit.tenant.timezone), *ZONES)
    return visit.show(
        "configuracoes.html",
        422 if form.errors else 200,
        form=form,
        zones=zones,
        vindi=found.vindi,
        issuer=found.issuer,
    )


async def _people(visit: Visit, form: TypedForm, link: str = "") -> Response:
    resources, tenant = visit.resources, visit.tenant.id
    now = resources.now()
    # People belong to no tenant: they are read at the door, by this tenant's own list of them.
    async with resources.pool.acquire() as conn:
        members = await memberships_store.members(conn, tenant)
        emails = await people_store.emails(conn, resources.sealer, [one.person for one in members])
        open_ = await links_store.open_invitations(conn, resources.sealer, tenant, now)
    return visit.show(
        "pessoas.html",
        422 if form.errors else 200,
        form=form,
        members=members,
        emails=emails,
        invitations=open_,
        link=link,
        roles=[(role, text(f"role.{role}")) for role in ROLES],
    )


def _hash(given: str) -> bytes:
    try:
        return bytes.fromhex(given)
    except ValueError:
        return b""


def _action(entry: AuditEntry) -> str:
    key = f"audit.{entry.action}"
    return TEXTS.get(key, TEXTS["audit.other"])


def _detail(detail: Mapping[str, Any]) -> str:
    """What a person can read of it: the reason, and how many sales."""
    said = []
    bills = detail.get("bill_ids")
    if isinstance(bills, list) and bills:
        shown = ", ".join(str(bill) for bill in bills[:5])
        more = f" e mais {len(bills) - 5}" if len(bills) > 5 else ""
        said.append(f"Faturas {shown}{more}")
    for name, label in (("bill_id", "Fatura"), ("month", "Mês"), ("version", "Versão")):
        if name in detail:
            said.append(f"{label} {detail[name]}")
    if isinstance(detail.get("role"), str):
        said.append(TEXTS.get(f"role.{detail['role']}", ""))
    if detail.get("reason"):
        said.append(str(detail["reason"]))
    return " · ".join(part for part in said if part)


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="settings", get=show, post=change, see="see", do="people"),
    PanelPage(
        path=f"{PATH}/pessoas",
        name="people",
        get=people,
        post=invite_somebody,
        see="people",
        do="people",
    ),
    PanelPage(
        path=f"{PATH}/pessoas/mudar",
        name="people_change",
        post=change_somebody,
        see="people",
        do="people",
    ),
    PanelPage(path=f"{PATH}/registro", name="log", get=log, see="see"),
)
