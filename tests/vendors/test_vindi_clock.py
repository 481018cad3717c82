"""Vindi's clock: by its own answers, and by nothing that happens to ours."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from shared.vindi import client as client_module
from shared.vindi.client import BILLS, VindiClient
from shared.vindi.errors import VindiUnavailable
from tests.support.scripted_server import ScriptedServer, answer
from tests.vendors.bodies import a_bill

THERE = datetime(2031, 5, 1, 0, 0, tzinfo=UTC)
SOON = timedelta(seconds=60)


def dated(at: datetime) -> dict[str, str]:
    return {"Date": format_datetime(at, usegmt=True)}


@pytest.mark.parametrize("status", [200, 403, 404, 502])
async def test_a_page_of_somebody_on_the_way_tells_nothing_of_vindi_s_clock(
    vindi: VindiClient, server: ScriptedServer, status: int
) -> None:
    """A guarantee was over by the clock of a firewall that was a day ahead."""
    page = answer("<html>no</html>", status=status, headers=dated(THERE + timedelta(days=1)))
    server.will(page, answer({"bill": a_bill(7)}, headers=dated(THERE)), page)
    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, 7)
    assert (vindi.now(), vindi.skew) == (None, None)
    await vindi.read_one(BILLS, 7)
    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, 7)
    now = vindi.now()
    assert now is not None
    assert THERE <= now < THERE + SOON


async def test_a_clock_of_ours_that_is_set_moves_vindi_s_by_nothing(
    vindi: VindiClient, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Set(datetime):
        @classmethod
        def now(cls, _: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=1)

    server.will(answer({"bill": a_bill(7)}, headers=dated(THERE)))
    await vindi.read_one(BILLS, 7)
    before = vindi.skew
    monkeypatch.setattr(client_module, "datetime", Set)
    now, after = vindi.now(), vindi.skew
    assert now is not None
    assert THERE <= now < THERE + SOON
    assert before is not None
    assert after is not None
    assert timedelta(hours=23) < before - after < timedelta(hours=25)
