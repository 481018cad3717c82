"""Structured logs in which no secret, document or webhook address survives."""

import logging
import re
import sys
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
