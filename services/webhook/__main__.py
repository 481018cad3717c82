"""`python -m services.webhook`: hears Vindi and eNotas until it is told to stop."""

from services.webhook.app import create_app
from shared.config.settings import load_webhook
from shared.service import run

if __name__ == "__main__":
    run("webhook", load_webhook, create_app, share_port=True)
