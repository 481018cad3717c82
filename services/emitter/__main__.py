"""`python -m services.emitter`: turns due sales into notas until it is told to stop."""

import os

from services.emitter.app import create_app
from shared.config.settings import load_emitter, load_or_exit
from shared.telemetry.logs import configure_logs
from shared.telemetry.serve import serve


def main() -> None:
    """Read the settings, and serve."""
    settings = load_or_exit(load_emitter, os.environ)
    log = settings.process.log
    configure_logs("emitter", level=log.level, format=log.format)
    serve(
        create_app(settings),
        host=settings.process.host,
        port=settings.process.port,
        share_port=True,
    )


if __name__ == "__main__":
    main()
