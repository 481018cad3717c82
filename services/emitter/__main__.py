"""`python -m services.emitter`: turns due sales into notas until it is told to stop."""

from services.emitter.app import create_app
from shared.config.settings import load_emitter
from shared.service import run

# Sales that are worked on are some sixty objects each, hundreds at once, without a cycle: to go
# through them each time there are some more took a twentieth of what a nota costs.
COLLECT_AFTER = 60_000

if __name__ == "__main__":
    run("emitter", load_emitter, create_app, share_port=True, collect_after=COLLECT_AFTER)
