"""Ids of events: random UUIDs that the database takes as they are."""

from uuid import RFC_4122, UUID

from shared.db.vindi.events_store import new_event_id


def test_an_events_id_is_a_random_uuid() -> None:
    ids = {new_event_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert {(one.version, one.variant) for one in ids} == {(4, RFC_4122)}
    assert {UUID(str(one)) for one in ids} == ids  # the library reads them as the same
