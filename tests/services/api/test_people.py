from shared.commands.people import find_link
from tests.services.api.support import World


async def test_an_invitation_is_a_path_below_the_panel_and_is_for_one_address(world: World) -> None:
    tenant = await world.api.tenant()

    made = await world.api.post(
        f"/tenants/{tenant}/invitations", {"role": "owner", "email": " Ana@Exemplo.com "}
    )
    wrong = await world.api.post(
        f"/tenants/{tenant}/invitations", {"role": "owner", "email": "ana"}
    )
    nobody = await world.api.post("/tenants/tzzzzzzzzzz/invitations", {"role": "owner"})
    staff = await world.api.post(f"/tenants/{tenant}/invitations", {"role": "operator"})

    assert made.status == 201
    link = await find_link(world.pool, world.sealer, made.body["path"].rpartition("/")[2])
    assert link is not None
    assert (link.tenant, link.role, link.email) == (tenant, "owner", "ana@exemplo.com")
    assert (wrong.status, nobody.status, staff.status) == (422, 404, 422)
