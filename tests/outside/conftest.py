"""What takes minutes is collected on demand: `NOTAPONTE_OUTSIDE=5` (so many random worlds)."""

import os

collect_ignore = (
    [] if os.environ.get("NOTAPONTE_OUTSIDE") else ["test_random_world.py", "test_processes.py"]
)
