"""The protocol holds on every walk, and without any one of its fences some walk breaks it."""

import os
import random

import pytest

from tests.services.emitter.model.protocol import ALL_FENCES, WORKERS, Broken, Fence, World

# Short in the suite; `NOTAPONTE_PROTOCOL_STEPS=10000000` walks for as long as one likes.
STEPS = int(os.environ.get("NOTAPONTE_PROTOCOL_STEPS", "200000"))
A_WALK = 200

ALONE: tuple[str, ...] = (
    *("tick", "free_expired", "refund", "undo", "hear", "hold", "release"),
    *("begin_wake", "end_wake", "read_ahead", "pause", "activate", "change_company"),
)
OF_A_WORKER: tuple[str, ...] = (
    *("stop", "resume", "kill", "terminate", "claim", "renew"),
    *("read", "write", "leave", "answer", "turn", "prove", "delete", "hear_of_cancelling"),
)
WORKING = (
    *("claim", "read", "write", "leave", "answer", "tick", "free_expired"),
    *("turn", "prove", "delete", "hear_of_cancelling"),
)
# Every walk has its own mood: how often each step is tried. Long pauses, storms of news and quiet
# hours are all rare among walks in which everything is equally likely.
WORK = (6, 12, 24)
DISTURBANCE = (0, 0, 0, 1, 4)
# What began is told, or ends: else what was given back would hardly ever be heard of and cancelled.
ENDING = ("hear", "activate", "end_wake", "release", "resume")
ENDINGS = (0, 1, 4, 12)


def _mood(rng: random.Random) -> tuple[list[tuple[str, tuple[str, ...]]], list[int]]:
    steps: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in ALONE]
    steps += [(name, (worker,)) for name in OF_A_WORKER for worker in WORKERS]
    return steps, [rng.choice(_weights(name)) for name, _ in steps]


def _weights(name: str) -> tuple[int, ...]:
    if name in WORKING:
        return WORK
    return ENDINGS if name in ENDING else DISTURBANCE


def walk(world: World, rng: random.Random, steps: int) -> list[str]:
    """Try that many steps; raises Broken, with the way there, when a promise does not hold."""
    way: list[str] = []
    choices, weights = _mood(rng)
    for name, arguments in rng.choices(choices, weights, k=steps):
        try:
            if getattr(world, name)(*arguments):
                way.append(" ".join((name, *arguments)))
                world.check()
        except Broken as broken:
            way.append(" ".join((name, *arguments)))
            raise Broken(f"{broken}: {', '.join(way)}") from None
    return way


def _begun(fences: frozenset[Fence], rng: random.Random) -> World:
    """Every third walk begins with a valid nota: cancelling comes late in the others, if at all."""
    return World.of_issued(fences) if rng.random() < 1 / 3 else World(fences=fences)


def search(fences: frozenset[Fence], seed: int, steps: int) -> str | None:
    """How a promise is broken under these fences, or None after so many steps."""
    rng, taken = random.Random(seed), 0
    while taken < steps:
        try:
            taken += len(walk(_begun(fences, rng), rng, A_WALK)) or 1
        except Broken as broken:
            return str(broken)
    return None


@pytest.mark.parametrize("seed", [1, 2])
def test_no_walk_breaks_the_protocol(seed: int) -> None:
    assert search(ALL_FENCES, seed, STEPS // 2) is None


@pytest.mark.parametrize("fence", list(Fence))
def test_every_fence_is_needed(fence: Fence) -> None:
    found = search(ALL_FENCES - {fence}, 3, 20 * STEPS)  # it ends where it finds something

    assert found is not None, f"nothing breaks without {fence}"


def test_a_walk_comes_to_its_end() -> None:
    # Else the walks above would prove nothing: most get a nota, or a reason for none; the rest are
    # of sales whose workers are killed or stopped for most of their walk.
    rng, ended = random.Random(4), 0
    for _ in range(500):
        world = World()
        walk(world, rng, A_WALK)
        ended += world.arrived > 0 or world.decided is not None
    assert ended > 250


def test_cancellations_come_to_their_end_and_some_are_given_up_in_line() -> None:
    rng, cancelled, given_up = random.Random(4), 0, 0
    for _ in range(5000):
        world = World.of_issued()
        way = walk(world, rng, A_WALK)
        cancelled += world.deleted > 0
        given_up += any(step.startswith("prove") for step in way) and not world.deleted
    assert cancelled > 20
    assert given_up > 20
