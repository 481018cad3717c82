"""The official tables can be asked for codes by words."""

import pytest

from tests.services.api.support import Api


async def test_all_tables_are_named_with_their_version(api: Api) -> None:
    reply = await api.get("/tables")

    assert reply.status == 200
    assert [one["name"] for one in reply.body["items"]] == [
        "lc116",
        "national_code",
        "nbs",
        "class_code",
        "operation_code",
    ]
    assert [one["whole"] for one in reply.body["items"]] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("table", "asked", "code"),
    [
        ("national_code", "treinamento", "080201"),
        ("lc116", "suporte", "01.07"),
        ("nbs", "1.1502.10.00", "115021000"),
        ("class_code", "000001", "000001"),
        ("operation_code", "100301", "100301"),
    ],
)
async def test_a_code_is_found_by_words_or_by_its_beginning(
    api: Api, table: str, asked: str, code: str
) -> None:
    reply = await api.get(f"/tables/{table}?q={asked}&limit=3")

    assert reply.status == 200
    assert reply.body["table"]["name"] == table
    assert reply.body["items"][0]["code"] == code
    assert len(reply.body["items"]) <= 3
    assert reply.body["next"] is None


async def test_a_table_can_be_read_page_by_page(api: Api) -> None:
    codes: list[str] = []
    cursor = ""
    while True:
        reply = await api.get(f"/tables/national_code?limit=200{cursor}")
        codes += [one["code"] for one in reply.body["items"]]
        if reply.body["next"] is None:
            break
        cursor = f"&cursor={reply.body['next']}"

    assert len(codes) == len(set(codes)) == 337
    assert codes == sorted(codes)


async def test_a_table_nobody_keeps_is_not_there(api: Api) -> None:
    reply = await api.get("/tables/cfop")

    assert (reply.status, reply.code) == (404, "table_unknown")
