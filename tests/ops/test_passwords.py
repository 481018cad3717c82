"""Passwords take a core each: who asks for them waits, but never in a queue without end."""

import asyncio
import threading
from contextlib import ExitStack
from typing import Literal

import pytest
from argon2 import PasswordHasher

from shared.crypto.passwords import (
    MOST,
    MOST_OF_SOURCE,
    MOST_STRANGERS,
    Passwords,
    TooManyPasswords,
)


class Slow(PasswordHasher):
    """Checks nothing before it is let."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.let = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - theirs
        self.let.wait(30)
        return super().verify(hash, password)


def test_one_source_takes_no_more_than_its_share_of_the_places() -> None:
    passwords = Passwords(Slow())
    with ExitStack() as held:
        for _ in range(MOST_OF_SOURCE):
            held.enter_context(passwords.room("a"))
        with pytest.raises(TooManyPasswords), passwords.room("a"):
            raise AssertionError("not to be reached")
        with passwords.room("b"):
            pass

    with passwords.room("a"):
        pass


def test_places_for_strangers_come_to_an_end_and_are_given_back() -> None:
    passwords = Passwords(Slow())
    with ExitStack() as held:
        for number in range(MOST_STRANGERS):
            held.enter_context(passwords.room(str(number)))
        with pytest.raises(TooManyPasswords), passwords.room("new"):
            raise AssertionError("not to be reached")

    with passwords.room("new"):
        pass


async def test_strangers_never_keep_out_who_is_signed_in() -> None:
    hasher = Slow()
    passwords = Passwords(hasher)
    kept = hasher.hash("right")

    async def strange(number: int) -> bool:
        with passwords.room(str(number)):
            return await passwords.fits("wrong", None)

    strangers = [asyncio.create_task(strange(number)) for number in range(2 * MOST)]
    known = asyncio.create_task(passwords.fits("right", kept))
    await asyncio.sleep(0)
    hasher.let.set()

    assert await known
    answers = await asyncio.gather(*strangers, return_exceptions=True)
    refused = [one for one in answers if isinstance(one, TooManyPasswords)]
    assert answers.count(False) == MOST_STRANGERS
    assert len(refused) == 2 * MOST - MOST_STRANGERS


async def test_not_even_those_who_are_known_wait_without_end() -> None:
    hasher = Slow()
    passwords = Passwords(hasher)
    asked = [asyncio.create_task(passwords.fits("wrong", None)) for _ in range(MOST + 1)]
    await asyncio.sleep(0)
    hasher.let.set()

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert answers.count(False) == MOST
    assert isinstance(answers[-1], TooManyPasswords)
    assert not await passwords.fits("wrong", None)
