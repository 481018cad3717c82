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
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
NOWHERE: Final = "http://127.0.0.1:4318"  # the standard default, which we do not take as a wish


def read_traces(var: Env) -> bool:
    """Whether traces are wanted: a collector is named, and they are not switched off.

    What the library would only warn of, or do by itself, is refused like every wrong setting.
    """
    named = [name for name in ENDPOINTS if var.text(name, default="")]
    for name in named:
        var.base_url(name, default=NOWHERE, https=False)
    var.choice("OTEL_EXPORTER_OTLP_PROTOCOL", PROTOCOLS, default="http/protobuf")
    var.choice("OTEL_TRACES_SAMPLER", SAMPLERS, default="parentbased_always_on")
    if var.text("OTEL_TRACES_SAMPLER_ARG", default=""):
        var.number("OTEL_TRACES_SAMPLER_ARG", default=1.0, above=0, most=1)
    off = var.choice("OTEL_SDK_DISABLED", YES_NO, default="false") == "true"
    return bool(named) and not off
