"""What `up` says to the person who started it."""

import sys


def say(text: str) -> None:
    """Write a line on stderr; stdout is for the line `ready …` alone."""
    sys.stderr.write(f"notaponte: {text}\n")
    sys.stderr.flush()
