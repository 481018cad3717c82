"""Pessoas: who may come in, with which role, and open invitations."""

from typing import Final

from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.forms import CHOOSE, TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.post import Sent, send_link
from services.panel.show.facts import role_facts
from services.panel.texts import text
from shared.commands.people import (
    PeopleRefused,
    change_role,
    invite,
    invite_again,
    password_link_for_member,
    remove_member,
    withdraw_invitation,
)
from shared.db.people import links_store, memberships_store, people_store
from shared.domain.ids import PersonId
from shared.domain.people import ROLES, Role, plain_email

PATH: Final = f"{TENANT}/configuracoes/pessoas"


class _Invited(BaseModel):
    papel: Role


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
    return await _people(visit, TypedForm(), await _invitation(visit, token, email))


async def change_somebody(visit: Visit) -> Response:
    """Another role, no role any more, a link for a new password, or an invitation taken back."""
    form, resources, tenant = visit.form, visit.resources, visit.tenant.id
    person, what = PersonId(form["pessoa"]), form["fazer"]
    moved = await _moved(visit, person) if form["pessoa"] else None
    if moved is not None:
        return await _people(visit, moved, status=409)
    try:
        if what == "tirar":
            await remove_member(resources.pool, tenant, person, by=visit.by)
            return visit.go(f"{visit.base}/configuracoes/pessoas", "removed")
        if what == "senha":
            token = await password_link_for_member(
                resources.pool, resources.sealer, tenant, person, by=visit.by
            )
            link = f"{resources.public_url}/senha/{token}"
            to = await _email_of(visit, person)
            return await _people(visit, TypedForm(), await send_link(visit, "password", link, to))
        if what == "renovar":
            token, renewed = await invite_again(
                resources.pool, resources.sealer, tenant, _hash(form["convite"]), by=visit.by
            )
            sent = await _invitation(visit, token, renewed.email)
            return await _people(visit, TypedForm(), sent)
        if what == "retirar":
            hashed = _hash(form["convite"])
            await withdraw_invitation(resources.pool, tenant, hashed, by=visit.by)
            return visit.go(f"{visit.base}/configuracoes/pessoas", "withdrawn")
        role = next((one for one in ROLES if one == form["papel"]), None)
        if role is None:
            return await _people(visit, form.wrong(form_=CHOOSE))
        await change_role(resources.pool, tenant, person, role, by=visit.by)
    except PeopleRefused as refused:
        return await _people(visit, form.wrong(form_=text(f"people.{refused.code}")))
    return visit.go(f"{visit.base}/configuracoes/pessoas", "saved")


async def _moved(visit: Visit, person: PersonId) -> TypedForm | None:
    """The form with the role that somebody has by now, where it is another one."""
    async with visit.resources.pool.acquire() as conn:
        members = await memberships_store.members(conn, visit.tenant.id)
    here = next((one for one in members if one.person == person), None)
    name = here.name if here else visit.form["nome"][:200]
    role = here.role if here else None
    return visit.form.stale(role_facts(name, role), text("seen.changed"))


async def _invitation(visit: Visit, token: str, to: str | None) -> Sent:
    link = f"{visit.resources.public_url}/convite/{token}"
    return await send_link(visit, "invitation", link, to, company=visit.tenant.name)


async def _email_of(visit: Visit, person: PersonId) -> str | None:
    async with visit.resources.pool.acquire() as conn:
        found = await people_store.emails(conn, visit.resources.sealer, [person])
    return found.get(person)


async def _people(
    visit: Visit, form: TypedForm, sent: Sent | None = None, status: int | None = None
) -> Response:
    resources, tenant = visit.resources, visit.tenant.id
    now = resources.now()
    # People belong to no tenant: they are read at the door, by this tenant's own list of them.
    async with resources.pool.acquire() as conn:
        members = await memberships_store.members(conn, tenant)
        emails = await people_store.emails(conn, resources.sealer, [one.person for one in members])
        open_ = await links_store.open_invitations(conn, resources.sealer, tenant, now)
    return visit.show(
        "pessoas.html",
        status or (422 if form.errors else 200),
        form=form,
        facts_of=lambda one: role_facts(one.name, one.role),
        members=members,
        emails=emails,
        invitations=open_,
        sent=sent,
        by_mail=resources.mail is not None,
        roles=[(role, text(f"role.{role}")) for role in ROLES],
    )


def _hash(given: str) -> bytes:
    try:
        return bytes.fromhex(given)
    except ValueError:
        return b""


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(
        path=PATH, name="people", get=people, post=invite_somebody, see="people", do="people"
    ),
    PanelPage(
        path=f"{PATH}/mudar", name="people_change", post=change_somebody, see="people", do="people"
    ),
)
