import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.telemetry.logs import configure_logs, redact_text


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logs("test", level="info", format="json", stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


def test_fields_that_hold_secrets_are_masked_at_any_depth(lines: io.StringIO) -> None:
    structlog.get_logger().info("asked", request={"Api-Key": "abc123", "headers": {"x": "abc123"}})

    assert "abc123" not in lines.getvalue()
    assert json.loads(lines.getvalue())["event"] == "asked"


@pytest.mark.parametrize(
    "text",
    [
        "123.456.789-09",
        "cpf 12345678909!",
        "12.345.678/0001-95",
        "12345678000195",
        "12.ABC.345/01DE-35",
    ],
)
def test_documents_inside_texts_are_masked(text: str) -> None:
    assert "[masked]" in redact_text(text)
    assert "123" not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "POST /v1/vindi/s3cr3t HTTP/1.1",
        "https://x.example/v1/enotas/s3cr3t?a=1",
        "postgresql://user:s3cr3t@db/notaponte",
        "Authorization: Basic s3cr3tA==",
        "bearer s3cr3t",
    ],
)
def test_credentials_inside_texts_are_masked(text: str) -> None:
    assert "s3cr3t" not in redact_text(text)


def test_what_is_no_secret_stays_readable(lines: io.StringIO) -> None:
    structlog.get_logger().info("nota_issued", bill_id=12345678901, external_id="p-tabc-47-1")

    line = json.loads(lines.getvalue())
    assert (line["bill_id"], line["external_id"]) == (12345678901, "p-tabc-47-1")
    assert line["service"] == "test"


def test_other_peoples_logs_and_tracebacks_are_masked_too(lines: io.StringIO) -> None:
    try:
        int("bad document 123.456.789-09")
    except ValueError:
        logging.getLogger("somebody").exception("failed for %s", "123.456.789-09")

    assert "123.456" not in lines.getvalue()
    assert "ValueError" in json.loads(lines.getvalue())["exception"]


async def test_a_traceback_shows_where_and_what_kind_but_not_the_drivers_words(
    lines: io.StringIO,
) -> None:
    async def refuse(row: str) -> None:
        try:
            int(row)
        except ValueError as error:
            raise KeyError(row) from error

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse("Maria da Silva"))
    except* KeyError:
        structlog.get_logger().exception("batch_failed")

    told = json.loads(lines.getvalue())["exception"]
    assert "in refuse" in told
    assert "\nValueError\n" in told
    assert told.endswith("\nKeyError")
    assert "invalid literal" not in told  # how int() quotes what it refuses
