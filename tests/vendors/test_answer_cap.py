"""Answers have an end, whoever gives them."""

import pytest

from shared.vindi.client import BILLS, VindiClient
from shared.vindi.errors import VindiUnavailable
from tests.support.scripted_server import ScriptedServer, answer


async def test_an_endless_page_of_vindi_is_no_answer(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(answer(b"[" + b" " * (33 * 2**20)))

    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, 7)
    assert len(server.asked) == 1
