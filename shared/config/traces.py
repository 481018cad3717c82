"""Where traces go, by the standard settings of OpenTelemetry; it reads more of them by itself."""

from typing import Final

from shared.config.env import Env

# Those of the library, and what it takes when it is not told.
SAMPLERS: Final = (
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
    "always_on",
    "always_off",
    "traceidratio",
)
PROTOCOLS: Final = ("http/protobuf",)
YES_NO: Final = ("false", "true")
EXPORTERS: Final = ("otlp", "none")
# Read by the library alone; named here so that none is taken for a misspelt one of ours.
OF_THE_LIBRARY: Final = frozenset(
    {
        *(
            f"OTEL_EXPORTER_OTLP_{which}{what}"
            for which in ("", "TRACES_", "METRICS_", "LOGS_")
            for what in (
                *("HEADERS", "TIMEOUT", "COMPRESSION", "CERTIFICATE", "INSECURE"),
                *("CLIENT_KEY", "CLIENT_CERTIFICATE", "ENDPOINT", "PROTOCOL"),
            )
        ),
        *(
            f"OTEL_BSP_{what}"
            for what in (
                *("SCHEDULE_DELAY", "EXPORT_TIMEOUT"),
                *("MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"),
            )
        ),
        *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_PROPAGATORS", "OTEL_LOG_LEVEL"),
        *("OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"),
    }
)
# Those of them that have to do with traces, which are all that we send.
OF_TRACES: Final = frozenset(
    name for name in OF_THE_LIBRARY if not {"METRICS", "LOGS", "LOG"} & set(name.split("_"))
)
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
NOWHERE: Final = "http://127.0.0.1:4318"  # the standard default, which we do not take as a wish


def read_traces(var: Env) -> bool:
    """Whether traces are wanted: a collector is named, and they are not switched off.

    What the library would only warn of, or do by itself, is refused like every wrong setting.
    """
    named = [name for name in ENDPOINTS if var.text(name, default="")]
    for name in named:
        var.base_url(name, default=NOWHERE, https=False)
    for name in ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"):
        var.choice(name, PROTOCOLS, default="http/protobuf")
    var.choice("OTEL_TRACES_SAMPLER", SAMPLERS, default="parentbased_always_on")
    if var.text("OTEL_TRACES_SAMPLER_ARG", default=""):
        var.number("OTEL_TRACES_SAMPLER_ARG", default=1.0, above=0, most=1)
    disabled = var.choice("OTEL_SDK_DISABLED", YES_NO, default="false") == "true"
    nowhere = var.choice("OTEL_TRACES_EXPORTER", EXPORTERS, default="otlp") == "none"
    return bool(named) and not disabled and not nowhere
