"""`python -m services.webhook`: hears Vindi and eNotas until it is told to stop."""

import os

from services.webhook.app import create_app
from shared.config.settings import load_or_exit, load_webhook
from shared.telemetry.logs import configure_logs
from shared.telemetry.serve import serve


def main() -> None:
    settings = load_or_exit(load_webhook, os.environ)
    log = settings.process.log
    configure_logs("webhook", level=log.level, format=log.format)
    serve(
        create_app(settings),
        host=settings.process.host,
        port=settings.process.port,
        share_port=True,
    )


if __name__ == "__main__":
    main()
