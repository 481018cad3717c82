"""The benches about fairness and politeness, small: what holds on a machine of any speed."""

from pathlib import Path

from tests.bench import emitters, fairness, trickle


async def test_a_trickle_leaves_others_their_part_and_is_never_refused(tmp_path: Path) -> None:
    measures = await trickle.trickle(tmp_path, limit=120, sales=200)

    found = {one.what.removeprefix("120 a minute: "): one for one in measures}
    assert found["of the busiest minute left to others"].passed
    assert found["refused by Vindi (429)"].passed


async def test_emitters_on_one_key_never_look_up_what_only_waited(tmp_path: Path) -> None:
    measures = await emitters.by_number(tmp_path, numbers=(1, 3), sales=15, keys=1)

    assert measures[-1].what == "look-ups"
    assert measures[-1].passed
    # Slower than the key allows it may be here; faster it must not.
    assert all(one.value <= emitters.A_SECOND * 1.1 for one in measures[:-1])


async def test_a_calm_tenant_s_sale_is_sent_while_others_have_much_to_do(tmp_path: Path) -> None:
    measures = await fairness.fairness(tmp_path, emitters=2, busy=4, calm=1, sales=60)

    # Behind the others it would wait for over ten seconds: 60 sales at five a second, four tenants.
    assert measures[1].value < 8
