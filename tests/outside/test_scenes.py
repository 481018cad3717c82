"""Scenes at once in one town: what each demands, and that none disturbs another.

`NOTAPONTE_OUTSIDE=1` plays all, `NOTAPONTE_SCENES=refund` those whose name has the word.
"""

import asyncio
import os
import traceback
from pathlib import Path

import pytest

from tests.outside import (
    scenes_alike,
    scenes_days,
    scenes_enotas,
    scenes_late,
    scenes_letter,
    scenes_parts,
    scenes_people,
    scenes_readings,
    scenes_siblings,
    scenes_spoilt,
    scenes_vindi,
)
from tests.outside.town import Town, a_town

ALL = (
    *scenes_vindi.SCENES,
    *scenes_enotas.SCENES,
    *scenes_people.SCENES,
    *scenes_letter.SCENES,
    *scenes_late.SCENES,
    *scenes_alike.SCENES,
    *scenes_spoilt.SCENES,
    *scenes_days.SCENES,
    *scenes_parts.SCENES,
    *scenes_readings.SCENES,
    *scenes_siblings.SCENES,
)
# Seconds each, and none waits for what only time brings; the others with NOTAPONTE_OUTSIDE=1.
QUICK = (
    *scenes_letter.SCENES,
    scenes_vindi.a_sale_that_cannot_be_read_hurts_only_itself,
    scenes_vindi.no_money_no_buyer_no_address,
    scenes_vindi.touched_after_the_activation,
    scenes_vindi.a_boleto_that_became_known_after_the_activation,
    scenes_enotas.cancelled_in_the_issuers_own_panel,
    scenes_enotas.a_cancellation_answered_404_once,
    scenes_enotas.every_way_to_lose_an_answer,
    scenes_enotas.from_tests_to_real_notas,
    scenes_late.manual_sales_let_go_on,
    scenes_spoilt.refunded_in_part_then_denied,
    scenes_spoilt.undone_in_doubt_and_never_there,
    scenes_spoilt.refunds_where_the_filter_of_changes_is_ignored,
    scenes_parts.one_denied_then_all_given_back,
)
ONLY = os.environ.get("NOTAPONTE_SCENES", "")
PLAYED = ALL if ONLY or os.environ.get("NOTAPONTE_OUTSIDE") else QUICK


@pytest.mark.timeout(400)
async def test_every_scene_ends_as_it_must(database: str, redis_url: str, tmp_path: Path) -> None:
    played = [scene for scene in PLAYED if ONLY in f"{scene.__module__}.{scene.__name__}"]
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
