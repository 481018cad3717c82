"""Where a company's own RPS numbers go on, said and shown through the API."""

from tests.services.api.support import Api, World

REASON = {"reason": "fim do bloco de papel"}


async def test_a_series_begins_where_a_person_says_and_is_shown(world: World) -> None:
    tenant = await world.active_tenant()
    base = f"/tenants/{tenant}/issuer/rps-series"

    made = await world.api.put(f"{base}/NF", {"next_number": 1201, **REASON})

    assert made.status == 200
    assert (made.body["next_number"], made.body["last_given"]) == (1201, None)
    assert made.body["in_use"] is True
    shown = await world.api.get(base)
    assert shown.body["items"] == [made.body]
    numbers = await world.api.get(f"{base}/NF/numbers")
    assert numbers.body == {"items": [], "next": None}


async def test_before_an_issuer_is_connected_there_is_nothing_to_number(api: Api) -> None:
    reply = await api.put(
        f"/tenants/{await api.tenant()}/issuer/rps-series/1", {"next_number": 1, **REASON}
    )
    assert (reply.status, reply.code) == (409, "issuer_not_connected")


async def test_a_number_or_series_that_cannot_be_is_refused(world: World) -> None:
    base = f"/tenants/{await world.active_tenant()}/issuer/rps-series"
    for number in (0, 2**31, "12", 1.5):
        reply = await world.api.put(f"{base}/1", {"next_number": number, **REASON})
        assert (reply.status, reply.body["errors"][0]["field"]) == (422, "next_number")
    reply = await world.api.put(f"{base}/S%C3%89RIE", {"next_number": 1, **REASON})
    assert (reply.status, reply.code) == (404, "rps_series_unknown")
