"""Services start only under the keys that sealed what the database holds."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest

from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Pool
from shared.keys import WrongKeysError, accept_keys, bind_rows, prove_keys, proven_keys
from tests.ops.test_rotate import NEW, OLD, a_tenant_with_secrets, rotated


async def started(pool: Pool, *keys: str) -> None:
    """What a service does first."""
    async with pool.acquire() as conn:
        await prove_keys(conn, Sealer.from_text(keys))


async def refused(pool: Pool, *keys: str) -> bool:
    with suppress(WrongKeysError):
        await started(pool, *keys)
        return False
    return True


async def test_after_the_first_start_another_key_alone_is_refused(pool: Pool) -> None:
    await started(pool, OLD)

    assert not await refused(pool, OLD)
    assert await refused(pool, NEW)
    assert not await refused(pool, OLD), "what is refused changes nothing"


async def test_the_words_name_the_setting_the_key_and_what_to_do(pool: Pool) -> None:
    await started(pool, OLD)
    id_of_key = Sealer.from_text([OLD]).sealing_key_id.hex()

    with pytest.raises(WrongKeysError, match=rf"SECRET_KEYS.*{id_of_key}.*accept-keys") as told:
        await started(pool, NEW)
    assert "\n" not in str(told.value)


async def test_of_services_that_first_start_together_under_two_keys_one_key_goes_on(
    pool: Pool,
) -> None:
    keys = [OLD, NEW] * 4
    ended = await asyncio.gather(*(refused(pool, key) for key in keys))

    assert {tuple(ended[::2]), tuple(ended[1::2])} == {(True,) * 4, (False,) * 4}


@pytest.mark.parametrize("keys", [[OLD], [NEW, OLD]])
async def test_an_older_installation_is_known_by_what_it_sealed(
    pool: Pool, keys: Sequence[str]
) -> None:
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))

    assert await refused(pool, NEW)
    assert not await refused(pool, *keys)
    assert await refused(pool, NEW) is (keys == [OLD])


async def test_a_key_is_taken_away_after_everything_was_sealed_afresh_and_not_before(
    pool: Pool, database: str
) -> None:
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))
    await started(pool, OLD)
    await started(pool, NEW, OLD)
    assert await refused(pool, NEW)

    await rotated(database, NEW, OLD)

    assert not await refused(pool, NEW)
    assert await refused(pool, OLD)


async def test_keys_are_not_rotated_without_one_that_is_in_use(pool: Pool, database: str) -> None:
    await started(pool, OLD)

    with pytest.raises(UnsealError):
        await rotated(database, NEW)
    assert not await refused(pool, OLD)


async def test_when_a_key_is_lost_a_person_lets_services_start_without_it(pool: Pool) -> None:
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))
    await started(pool, OLD)

    async with pool.acquire() as conn:
        await accept_keys(conn, Sealer.from_text([NEW]))

    assert not await refused(pool, NEW)


async def test_keys_are_tried_as_soon_as_the_database_can_be_asked(pool: Pool) -> None:
    await started(pool, OLD)
    await pool.execute("ALTER TABLE key_canaries RENAME TO not_migrated_yet")
    told: asyncio.Queue[WrongKeysError] = asyncio.Queue()

    async with proven_keys(pool, Sealer.from_text([NEW]), refuse=told.put_nowait):
        assert told.empty()
        await pool.execute("ALTER TABLE not_migrated_yet RENAME TO key_canaries")
        await asyncio.wait_for(told.get(), 60)


async def test_services_that_run_hear_that_values_are_bound_to_rows_from_now_on(
    pool: Pool,
) -> None:
    before = Sealer.from_text([OLD])
    before.binds_rows = False
    await a_tenant_with_secrets(pool, before)
    service, command = Sealer.from_text([OLD]), Sealer.from_text([OLD])

    async with proven_keys(pool, service, listen=timedelta(milliseconds=10)):
        assert not service.binds_rows
        async with pool.acquire() as conn:
            assert await bind_rows(conn, command)
            assert not await bind_rows(conn, command)
        async with asyncio.timeout(30):
            while not service.binds_rows:
                await asyncio.sleep(0.01)


async def test_an_empty_database_is_bound_to_rows_from_its_first_service_on(pool: Pool) -> None:
    async with proven_keys(pool, first := Sealer.from_text([OLD])):
        assert first.binds_rows
    async with proven_keys(pool, later := Sealer.from_text([NEW, OLD])):
        assert later.binds_rows
