"""Answers have an end, whoever gives them."""

import asyncio
import tracemalloc
import zlib

import pytest

from shared.domain.ids import ExternalId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.errors import IssuerUnavailable
from shared.net.guarded import open_guarded_session
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


async def test_a_megabyte_that_unpacks_to_a_gigabyte_takes_no_memory(
    vindi: VindiClient, issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    """Whoever answers in their place, for a list, a document or an error."""
    bomb = a_bomb()
    packed = {"Content-Encoding": "gzip"}
    server.will(answer(bomb, headers=packed), answer(bomb, headers=packed))
    server.will(answer(bomb, headers=packed, status=500), answer(bomb, headers=packed, status=404))
    tracemalloc.start()
    try:
        with pytest.raises(VindiUnavailable):
            await vindi.read_one(BILLS, 7)
        with pytest.raises(IssuerUnavailable):
            await issuer.documents(ExternalId("p-t0000000000-7-1"), "pdf")
        with pytest.raises(VindiUnavailable):
            await vindi.read_one(BILLS, 7)
        with pytest.raises(IssuerUnavailable):
            await issuer.documents(ExternalId("p-t0000000000-7-1"), "xml")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(server.asked) == 4
    assert most < 96 * 2**20  # what is read of one of Vindi's answers, once more to join it


async def test_an_answer_to_a_status_webhook_is_not_unpacked(server: ScriptedServer) -> None:
    server.will(answer(a_bomb(), headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        async with (
            open_guarded_session(loopback=True, timeout=15) as http,
            http.post(server.url, data=b"{}") as said,
        ):
            assert said.status == 200
            await asyncio.sleep(0.2)  # what comes behind the head has the time to come
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 16 * 2**20


def a_bomb() -> bytes:
    """A gigabyte of blanks as gzip, a megabyte long: one packed megabyte, a thousand times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(7) + piece * 1024
