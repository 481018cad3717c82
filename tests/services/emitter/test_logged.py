"""Whatever is logged on a sale's way says whose it is, even where the logger does not know."""

import io
import json
from typing import Any

from shared.telemetry.logs import configure_logs
from tests.services.emitter.conftest import Desk, a_buyer


async def test_lines_of_the_clients_name_tenant_and_sale_and_no_person(desk: Desk) -> None:
    told = io.StringIO()
    configure_logs("emitter", level="debug", format="json", stream=told)
    desk.company.weather.add(status=500, when="before", method="POST", count=1)
    desk.company.weather.add(status=404, when="before", method="GET", count=1)
    first, second = await desk.sold(), await desk.sold()

    await desk.work()
    await desk.later()
    await desk.work()

    lines: list[dict[str, Any]] = [json.loads(line) for line in told.getvalue().splitlines()]
    refused = [line for line in lines if line["event"] == "issuer_refused"]
    assert refused
    assert {line["tenant_id"] for line in refused} == {desk.tenant}
    assert {line["bill_id"] for line in refused} <= {first.id, second.id}
    buyer = a_buyer()
    for private in (buyer["name"], buyer["email"], buyer["registry_code"], "123.456.789-09"):
        assert private not in told.getvalue()
