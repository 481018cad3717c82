"""A random world under a seed: what the papers leave open is drawn, then sales happen to it."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.outside.enotas import records as issuer
from tests.outside.town import Shop, Town
from tests.outside.vindi.records import Record
from tests.outside.wire import Dress, Weather

Deed = Callable[["Campaign", Shop], Record | None]
Change = Callable[["Campaign", Shop], Awaitable[str]]


@dataclass(slots=True)
class Campaign:
    """What has been done, in words, so that a failure can be read."""

    town: Town
    chance: random.Random
    told: list[str] = field(default_factory=list)
    changes: tuple[Change, ...] = ()
    # What people do beside it, drawn apart: a seed stays the world that it was.
    more: tuple[Change, ...] = ()
    whims: random.Random = field(default_factory=random.Random)
    _at_last: list[Callable[[], Awaitable[str]]] = field(default_factory=list)
    _later: list[Callable[[], None]] = field(default_factory=list)
    _undo: list[Callable[[], Awaitable[str]]] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.told.append(text)

    async def go_on(self, steps: int, deeds: list[tuple[str, Deed]], *, kills: bool) -> None:
        """So many deeds in random shops, each heard of or not."""
        for step in range(steps):
            shop = self.chance.choice(self.town.shops)
            name, deed = self.chance.choice(deeds)
            bill = deed(self, shop)
            if bill is not None:
                self.say(f"{step} {name} {bill['id']}")
            if self.chance.random() < 0.7:
                await shop.tell()
            if self.chance.random() < 0.1:
                self.town.vindi.dress = a_dress(self.chance)
                self.town.enotas.dress = a_dress(self.chance)
            if kills and self.chance.random() < 0.04:
                await self.disturb(step)
            if self.changes and self.chance.random() < 0.06:
                await self.change(step, shop)
            if self.more and self.whims.random() < 0.2:
                self.say(f"{step} {await self.whims.choice(self.more)(self, shop)}")
            if self.chance.random() < 0.1 and self._later:
                self._later.pop(0)()
            await asyncio.sleep(self.chance.random() * 0.15)

    async def change(self, step: int, shop: Shop) -> None:
        """Somebody changes what a tenant is connected to, or takes the last change back."""
        if self._undo and self.chance.random() < 0.5:
            self.say(f"{step} {await self._undo.pop()()}")
        else:
            self.say(f"{step} {await self.chance.choice(self.changes)(self, shop)}")

    async def disturb(self, step: int) -> None:
        """One process is killed and started again, or stands still for a while."""
        process = self.chance.choice(list(self.town.product.processes.values()))
        if self.chance.random() < 0.5:
            self.say(f"{step} SIGKILL {process.name}")
            await process.end(signal.SIGKILL)
            await process.start()
            return
        seconds = self.chance.uniform(0.5, 4.0)
        self.say(f"{step} SIGSTOP {process.name} {seconds:.1f}")
        process.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        process.send(signal.SIGCONT)

    async def calm(self) -> None:
        """No more trouble on the way, and everything that waited for later is done."""
        while self._later:
            self._later.pop(0)()
        self.town.vindi.weather = Weather()
        self.town.enotas.weather = Weather()
        for hooks in self.town.enotas.hooks.values():
            hooks.lost = 0.0
        for company in self.town.enotas.companies.values():
            company.stuck = False
        await self.town.product.ready()
        while self._undo:
            self.say(f"at last {await self._undo.pop()()}")
        while self._at_last:
            self.say(f"at last {await self._at_last.pop(0)()}")

    def later(self, work: Callable[[], None]) -> None:
        self._later.append(work)

    def undo(self, work: Callable[[], Awaitable[str]]) -> None:
        """What has to be taken back before the world is judged."""
        self._undo.append(work)

    def at_last(self, work: Callable[[], Awaitable[str]]) -> None:
        """What is waited for once everything is as it was."""
        self._at_last.append(work)


def a_dress(chance: random.Random) -> Dress:
    return Dress(
        order=chance.choice(("kept", "reversed", "shuffled")),
        extra=chance.random() < 0.5,
        nulls=chance.choice(("null", "null", "absent")),
        bom=chance.random() < 0.1,
        content_type=chance.choice(
            (
                "application/json; charset=UTF-8",
                "application/json",
                "application/json; charset=ISO-8859-1",
                "text/json; charset=utf-8",
            )
        ),
        packed=chance.choice(("", "gzip", "chunked")),
        chance=random.Random(chance.random()),
    )


def denies(documents: set[str], chance: random.Random) -> issuer.Fate:
    text = chance.choice(
        (
            "CPF do tomador inválido.",
            '{"mensagemErro":"O CPF do tomador deve ser informado.","acaoCorrecao":null}',
        )
    )
    return lambda nota: text if nota.body["cliente"].get("cpfCnpj") in documents else ""
