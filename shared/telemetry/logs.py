"""Structured logs in which no secret, document or webhook address survives."""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import ExcInfo, Processor, WrappedLogger

from shared.telemetry.traces import add_trace

MASK: Final = "[masked]"

SECRET_FIELDS: Final = frozenset(
    {
        "address", "api_key", "authorization", "body", "cnpj", "cookie", "cpf", "dsn", "document",
        "email", "headers", "password", "payload", "phone", "registry_code", "secret",
        "secret_keys", "token", "webhook_url",
    }
)  # fmt: skip

# Order matters: addresses first, so that a secret is gone before digits are looked at.
SECRET_TEXTS: Final = (
    (re.compile(r"(/v1/(?:vindi|enotas)/)[^\s/?\"']+"), rf"\1{MASK}"),
    (re.compile(r"(\w://)[^\s/@]+@"), rf"\1{MASK}@"),
    (re.compile(r"\b((?:Basic|Bearer)\s+)[\w+/=.~-]+", re.IGNORECASE), rf"\1{MASK}"),
    # CNPJ, since July 2026 also with letters; then CPF: bare digits or with their punctuation.
    (re.compile(r"\b[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}\b"), MASK),
    (re.compile(r"\b\d{14}\b|\b\d{11}\b|\b\d{3}\.\d{3}\.\d{3}-\d{2}\b"), MASK),
)
# Where a traceback that somebody made a text of was, and what kinds its errors are of.
FRAME: Final = re.compile(r'\s+File ".*", line \d+, in \S+')
KIND: Final = re.compile(
    r"(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception|ExceptionGroup|Exit|Interrupt|Warning)(?=:|$)"
)
TRACEBACK: Final = "Traceback (most recent call last)"
TASK: Final = re.compile(r"<Task \w+ name='([\w .-]{1,80})'")


def configure_logs(
    service: str,
    *,
    level: Literal["debug", "info", "warning", "error"],
    format: Literal["console", "json"],  # noqa: A002 - the word users know from LOG_FORMAT
    stream: TextIO | None = None,
) -> None:
    """Send structlog's and the standard library's logs to `stream`, stderr by default.

    Every line goes through `redact`, whoever wrote it. Call it once, first thing in a process.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_trace,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_without_objects)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(_without_words),
                redact,
                _renderer(format),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        cache_logger_on_first_use=False,
    )


def tell_what_nobody_catches() -> None:
    """Send what ends in a thread, or where nothing can be raised, to the log as well.

    Python would show the words of such an error on stderr. For a whole process, and once.
    """
    log = structlog.get_logger()

    def of_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None:
            log.error("thread_failed", exc_info=told.exc_value)

    def of_nobody(told: "sys.UnraisableHookArgs") -> None:
        if told.exc_value is not None:
            log.error("error_nobody_heard", exc_info=told.exc_value)

    threading.excepthook = of_thread
    sys.unraisablehook = of_nobody


def _without_objects(record: logging.LogRecord) -> bool:
    """Take from other people's lines the words of errors that they made a text of; keep all.

    The event loop shows whole objects below its first line, such as a task with the error that
    nobody fetched; others log a traceback as a text.
    """
    if isinstance(record.msg, dict):
        return True  # one of ours, of which each field is looked at
    told = record.getMessage()
    if record.name == "asyncio":
        first, _, rest = told.partition("\n")
        task = TASK.search(rest)
        told = f"{first} ({task[1]})" if task else first
    elif TRACEBACK in told:
        told = "\n".join(_places_and_kinds(told))
    else:
        return True
    record.msg, record.args = told, ()
    return True


def _places_and_kinds(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if found := FRAME.match(line) or KIND.match(line):
            yield found[0]


def _without_words(exc_info: ExcInfo) -> str:
    """A traceback with the kinds of its errors and not their words.

    Drivers quote what they refuse: a row that breaks a constraint is shown whole, names and all.
    """
    return "\n".join(_told(exc_info[1]))


def _told(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _told(cause)
    yield "".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _told(part)


def redact(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: mask secret fields at any depth and secrets inside texts."""
    return {key: _redacted_field(key, value) for key, value in event.items()}


def redact_text(text: str) -> str:
    """Mask documents, credentials and webhook secrets inside a text."""
    for pattern, replacement in SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def _redacted_field(key: str, value: object) -> object:
    return MASK if key.lower().replace("-", "_") in SECRET_FIELDS else _redacted(value)


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted_field(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact_text(str(value))


def _named(service: str) -> Processor:
    def add_service(
        _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add_service


def _renderer(format_: Literal["console", "json"]) -> Processor:
    if format_ == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
