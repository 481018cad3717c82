import asyncio
import gc
import io
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator

import pytest
import structlog

from shared.telemetry.logs import configure_logs, redact_text, tell_what_nobody_catches


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


NAME = "Maria da Silva"


async def refuse(who: str) -> None:
    raise ValueError(f"no such customer: {who}")


async def test_an_error_that_nobody_fetched_is_told_without_its_words(lines: io.StringIO) -> None:
    task = asyncio.create_task(refuse("Maria da Silva"), name="batch-t123")
    await asyncio.wait({task})
    del task
    gc.collect()

    told = json.loads(lines.getvalue())
    assert "Maria" not in lines.getvalue()
    assert told["event"] == "Task exception was never retrieved (batch-t123)"
    assert "in refuse" in told["exception"]
    assert told["exception"].endswith("\nValueError")


def test_a_traceback_that_others_made_a_text_of_loses_its_words(lines: io.StringIO) -> None:
    def refused() -> str:
        try:
            int(f"{NAME}\n  {NAME}\nMaria: unknown")
        except ValueError:
            return traceback.format_exc()
        return ""

    logging.getLogger("a.server").error(refused())

    told = json.loads(lines.getvalue())["event"].splitlines()
    assert "Maria" not in lines.getvalue()
    assert told[0].endswith("in refused")
    assert told[1:] == ["ValueError"]


@pytest.fixture
def hooks() -> Iterator[None]:
    before = threading.excepthook, sys.unraisablehook
    yield
    threading.excepthook, sys.unraisablehook = before


@pytest.mark.usefixtures("hooks")
def test_what_ends_where_nobody_catches_it_is_told_without_its_words(lines: io.StringIO) -> None:
    class Customer:
        def __del__(self) -> None:
            raise ValueError(NAME)

    def fails() -> None:
        raise KeyError(NAME)

    tell_what_nobody_catches()
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    Customer()
    gc.collect()

    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert "Maria" not in lines.getvalue()
    assert [one["event"] for one in told] == ["thread_failed", "error_nobody_heard"]
    assert "in fails" in told[0]["exception"]
