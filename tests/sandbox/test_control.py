import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from services.sandbox.clock import Clock
from services.sandbox.run import Sandbox

from .conftest import NOON, Receiver, Reply, a_nota, basic, read

Control = Callable[..., Awaitable[Reply]]


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as session:

        async def call(verb: str, path: str, /, **body: Any) -> Reply:
            url = sandbox.control_url + path
            async with session.request(verb, url, json=body or None) as answer:
                return await read(answer)

        yield call


async def test_a_sale_can_be_scripted_and_read_without_any_python(
    sandbox: Sandbox, control: Control, receiver: Receiver
) -> None:
    account = (await control("POST", "/vindi/accounts", name="Loja Exemplo")).body
    base = f"/vindi/accounts/{account['id']}"
    await control("POST", f"{base}/webhooks", url=receiver.url)
    sale = (await control("POST", f"{base}/sale", amount="49.90", method="pix")).body
    await control("POST", f"{base}/refund", bill_id=sale["id"], amount="9.90")
    await control("POST", f"{base}/events", type="bill_seen", kind="bills", id=sale["id"])
    counts = (await control("POST", "/settle")).body

    assert (sale["status"], sale["amount"]) == ("paid", "49.9")
    assert counts["acked"] == len(receiver.received) == 6
    key = account["keys"][0]["key"]
    url = f"{sandbox.vindi_url}/bills/{sale['id']}"
    async with aiohttp.request("GET", url, headers=basic(key)) as answer:
        assert (await answer.json())["bill"]["code"] is None
    journal = (await control("GET", f"{base}/journal")).body
    assert [(entry["status"], entry["count"]) for entry in journal] == [(200, 1)]


async def test_deliveries_can_be_listed_and_sent_again(
    control: Control, receiver: Receiver
) -> None:
    await control("POST", "/vindi/accounts")
    delivery = (await control("POST", "/vindi/accounts/1/webhooks", url=receiver.url)).body
    await control("POST", "/settle")

    await control("POST", f"/deliveries/{delivery['id']}/resend")
    await control("POST", "/settle")

    assert receiver.types == ["test", "test"]
    states = [row["state"] for row in (await control("GET", "/deliveries")).body]
    assert states == ["acked", "acked"]


async def test_switches_are_set_by_name_and_unknown_ones_refused(
    sandbox: Sandbox, control: Control
) -> None:
    await control("POST", "/vindi/accounts")
    base = "/vindi/accounts/1"

    faults = await control("PATCH", f"{base}/faults", per_page_cap=100, refused_filters=["code"])
    events = await control("PATCH", f"{base}/events", drop_percent=20)
    rate = await control("PATCH", f"{base}/rate", limit=None, length=1.0)
    wrong = await control("PATCH", f"{base}/faults", per_page=100)
    storm = await control("POST", f"{base}/storms", status=503, percent=10)

    account = sandbox.vindi.accounts[1]
    assert account.faults.refused_filters == {"code"}
    assert (faults.body["per_page_cap"], events.body["drop_percent"]) == (100, 20.0)
    assert rate.body == {"limit": None, "length": 1.0}
    assert storm.body["status"] == 503
    assert wrong.status == 400


async def test_what_is_not_there_is_404_and_what_cannot_be_is_409(control: Control) -> None:
    await control("POST", "/vindi/accounts")
    sale = (await control("POST", "/vindi/accounts/1/sale")).body

    again = await control("POST", "/vindi/accounts/1/pay_bill", bill_id=sale["id"])

    assert again.status == 409
    assert (await control("POST", "/vindi/accounts/9/sale")).status == 404
    assert (await control("POST", "/vindi/accounts/1/teleport")).status == 404
    assert (await control("POST", "/vindi/accounts/1/sale", colour="blue")).status == 400


async def test_an_issuer_can_be_scripted_and_its_invariants_read(
    sandbox: Sandbox, control: Control
) -> None:
    key = (await control("POST", "/enotas/keys", key="Y2hhdmU=")).body["key"]
    company = (await control("POST", "/enotas/companies", key=key)).body["id"]
    base = f"/enotas/companies/{company}"
    await control("PUT", f"{base}/outcomes/h-t-1-1", kind="deny", denial="address")

    headers = {"Authorization": f"Basic {key}", "Accept": "application/json"}
    url = f"{sandbox.enotas_url}/v1/empresas/{company}/nfes"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, json=a_nota()) as answer:
            nota_id = (await answer.json())["nfeId"]
        await control("POST", "/clock", advance=120)
        shown = (await control("GET", f"{base}/notas")).body
        forced = await control("POST", f"{base}/notas/{nota_id}/force", status="Autorizada")
        async with session.delete(f"{url}/{nota_id}") as answer:
            assert answer.status == 200
        async with session.delete(f"{url}/{nota_id}") as answer:
            assert answer.status == 400

    assert [nota["status"] for nota in shown] == ["Negada"]
    assert forced.body["numero"] == "202600000000001"
    report = (await control("GET", "/invariants")).body
    assert report["ok"] is False
    assert report["violations"] == [
        {"rule": "delete_unless_authorised", "subject": "h-t-1-1",
         "detail": "AguardandoCancelamento"},
    ]  # fmt: skip
    assert (await control("GET", "/counts")).body["enotas"]["requests"]["cancel_asked"] == 2


async def test_a_reset_forgets_everything_but_the_time(control: Control) -> None:
    await control("POST", "/vindi/accounts")

    await control("POST", "/reset")

    assert (await control("GET", "/vindi/accounts")).body == []
    assert (await control("GET", "/clock")).body == {"now": NOON, "speed": 0}


def test_a_clock_runs_what_it_passes_in_order() -> None:
    clock, ran = Clock(start=0, speed=0), list[str]()
    clock.call_at(20, lambda: ran.append("second"))
    clock.call_at(10, lambda: clock.call_at(15, lambda: ran.append("chained")))
    clock.call_at(30, lambda: ran.append("later"))

    clock.advance(25)

    assert ran == ["chained", "second"]


async def test_a_fast_clock_runs_its_agenda_by_itself() -> None:
    clock, rang = Clock(start=0, speed=3600), asyncio.Event()
    agenda = asyncio.create_task(clock.run())
    clock.call_at(60, rang.set)

    await asyncio.wait_for(rang.wait(), timeout=60)

    agenda.cancel()
    assert clock.now() >= 60


async def test_the_command_says_it_is_ready_and_quits_cleanly() -> None:
    ports = {f"SANDBOX_{name}_PORT": "0" for name in ("VINDI", "ENOTAS", "CONTROL")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.sandbox", env=os.environ | ports,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()

    process.send_signal(signal.SIGTERM)
    _, stderr = await asyncio.wait_for(process.communicate(), timeout=60)

    url = r"http://127\.0\.0\.1:\d+"
    assert re.fullmatch(rf"ready vindi={url}/api/v1 enotas={url} control={url}\n", line)
    assert (process.returncode, stderr) == (0, b"")
