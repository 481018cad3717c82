"""Inviting people to a tenant's panel, by whoever sets the tenant up."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.problem import invalid
from services.reconciler.api.kit.words import Instant
from shared.commands.people import INVITED_FOR, invite
from shared.domain.people import Role, plain_email

InvitedEmail = Annotated[str, StringConstraints(max_length=254), AfterValidator(str.strip)]


class InvitationIn(Strict):
    """Which role, and for which address alone, if for one."""

    role: Role
    email: InvitedEmail | None = None


class InvitationOut(BaseModel):
    """A link for once; `path` is below the panel's own address, and is not shown again."""

    path: str = Field(description="Such as /convite/…")
    expires_at: Instant


async def add(call: Call[InvitationIn, NoQuery]) -> Answer:
    """Make an invitation."""
    services, body = call.services, call.body
    email = None if body.email is None else plain_email(body.email)
    if body.email is not None and email is None:
        raise invalid("email", "an e-mail address")
    token = await invite(
        services.pool, services.sealer, call.tenant.id, body.role, email=email, by=call.actor
    )
    until = services.now() + INVITED_FOR
    return Answer(status=201, body=InvitationOut(path=f"/convite/{token}", expires_at=until))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path="/tenants/{tenant_id}/invitations",
        name="add_invitation",
        needs="operator",
        summary="Invite somebody to the tenant's panel; a link for once",
        handler=add,
        body=InvitationIn,
        query=NoQuery,
        status=201,
        answer=InvitationOut,
    ),
)
