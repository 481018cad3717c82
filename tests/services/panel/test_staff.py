"""`make staff`: our own people are invited, listed and dismissed from the command line."""

import base64
import io

import pytest
from rich.console import Console

from services.panel.app import create_app
from services.sandbox.run import Sandbox
from shared.config.env import SettingsError
from shared.config.settings import load_panel
from shared.db.connection import Pool
from shared.domain.people import StaffRefused
from shared.ops.staff import run_staff
from tests.services.api.conftest import serving
from tests.services.emitter.conftest import SEALER
from tests.services.panel.support import PASSWORD, Panel

KEYS = base64.urlsafe_b64encode(b"k" * 32).decode()


async def run(database: str, role: str = "", email: str = "", *, remove: bool = False) -> str:
    told = io.StringIO()
    env = {
        "DATABASE_URL": database,
        "SECRET_KEYS": KEYS,
        "NOTAPONTE_HOME": "/none",
        "PUBLIC_PANEL_URL": "https://painel.example.test",
    }
    console = Console(file=told, width=200)
    await run_staff(env, console, role=role, email=email, remove=remove, by="eva")
    return told.getvalue()


async def test_support_is_invited_sees_every_company_and_is_dismissed_at_once(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    settings = load_panel({"DATABASE_URL": database, "REDIS_URL": redis_url, "SECRET_KEYS": KEYS})
    async with serving(create_app(settings)) as base:
        panel = Panel(base=base, pool=pool, sandbox=sandbox, sealer=SEALER)
        await panel.tenant("Escola Aurora")
        made = await run(database, "support", "Rui@notaponte.example")
        path = made.split()[-1].removeprefix("https://painel.example.test")
        async with panel.browser() as rui:
            await rui.get(path)
            page = await rui.get("/convite")
            inside = await rui.send(
                page, "/convite", nome="Rui", email="rui@notaponte.example", senha_nova=PASSWORD
            )
            listed = await run(database)
            with pytest.raises(StaffRefused, match="already"):
                await run(database, "operator", "rui@notaponte.example")
            gone = await run(database, email="rui@notaponte.example", remove=True)
            outside = await rui.get("/suporte")
        with pytest.raises(StaffRefused, match="Nobody"):
            await run(database, email="rui@notaponte.example", remove=True)

    assert "Escola Aurora" in inside.text
    assert "rui@notaponte.example" in listed
    assert "signed out" in gone
    assert "Escola Aurora" not in outside.text
    assert "rui@" not in await run(database)


async def followed(panel: Panel, told: str) -> str:
    async with panel.browser() as somebody:
        await somebody.get(told.rsplit(maxsplit=1)[-1].removeprefix("https://painel.example.test"))
        return (await somebody.get("/convite")).text


async def test_an_invitation_to_a_wrong_address_is_listed_and_ended(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    settings = load_panel({"DATABASE_URL": database, "REDIS_URL": redis_url, "SECRET_KEYS": KEYS})
    async with serving(create_app(settings)) as base:
        panel = Panel(base=base, pool=pool, sandbox=sandbox, sealer=SEALER)
        named = await run(database, "support", "riu@notaponte.example")
        anybodys = await run(database, "operator")
        listed = await run(database)
        ended = await run(database, email="riu@notaponte.example", remove=True)
        left = await run(database)
        pages = [await followed(panel, named), await followed(panel, anybodys)]
        await run(database, "operator", remove=True)
        pages.append(await followed(panel, anybodys))

    assert "riu@notaponte.example" in listed
    assert "whoever has the link" in listed
    assert "lead nowhere from now on: 1" in ended
    assert "riu@notaponte.example" not in left
    assert "whoever has the link" in left
    assert ["Criar acesso" in page for page in pages] == [False, True, False]
    with pytest.raises(StaffRefused, match="No invitation"):
        await run(database, "operator", remove=True)


async def test_all_that_is_said_wrong_is_told_at_once(database: str) -> None:
    with pytest.raises(SettingsError) as refused:
        await run(database, "boss", "rui")
    with pytest.raises(SettingsError, match="ROLE"):
        await run(database, email="rui@notaponte.example")
    with pytest.raises(SettingsError, match="EMAIL"):
        await run(database, remove=True)

    assert len(refused.value.problems) == 2
