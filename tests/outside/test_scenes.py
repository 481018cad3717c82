"""Every scene at once, in one town: what each demands, and that none disturbs another."""

import asyncio
import os
import traceback
from pathlib import Path

import pytest

from tests.outside import (
    scenes_enotas,
    scenes_late,
    scenes_letter,
    scenes_people,
    scenes_vindi,
)
from tests.outside.town import Town, a_town

ALL = (
    *scenes_vindi.SCENES,
    *scenes_enotas.SCENES,
    *scenes_people.SCENES,
    *scenes_letter.SCENES,
    *scenes_late.SCENES,
)
ONLY = os.environ.get("NOTAPONTE_SCENES", "")


@pytest.mark.timeout(400)
async def test_every_scene_ends_as_it_must(database: str, redis_url: str, tmp_path: Path) -> None:
    played = [scene for scene in ALL if ONLY in f"{scene.__module__}.{scene.__name__}"]
    async with a_town(database=database, redis=redis_url, folder=tmp_path) as town:
        told = await asyncio.gather(
            *(_play(town, number, scene) for number, scene in enumerate(played, 1))
        )
    wrong = [each for each in told if each]
    assert not wrong, "\n\n".join(wrong)


async def _play(town: Town, number: int, scene: "scenes_vindi.Scene") -> str:
    try:
        await scene(town, await town.open_shop(seed=number))
    except Exception:  # noqa: BLE001  # every scene is played to its end, then all is told
        return f"{scene.__name__} (seed {number}):\n{traceback.format_exc(limit=-4)}"
    return ""
