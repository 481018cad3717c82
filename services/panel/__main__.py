import os

from services.panel.app import create_app
from shared.config.settings import load_or_exit, load_panel
from shared.telemetry.logs import configure_logs
from shared.telemetry.serve import serve


def main() -> None:
    settings = load_or_exit(load_panel, os.environ)
    process = settings.process
    configure_logs("panel", level=process.log.level, format=process.log.format)
    serve(create_app(settings), host=process.host, port=process.port)


if __name__ == "__main__":
    main()
