"""`make audit` asks OSV about every locked package and keeps the answer; `make lint` reads that.

Lint needs no network: it holds what was kept against what is locked. Where OSV cannot be reached
PyPI is asked, which hands on the same advisories and which more networks let through; pip-audit
asks it for the pages of versions, and where there are none those of projects are read.

What is kept says when it was taken, of which versions and from where. A package that OSV was not
asked about is named as not audited, and without any answer nothing is kept: pip-audit calls a list
whose every package it had to skip free of vulnerabilities.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.audit.projects import ask_projects
from deploy.audit.verdict import Accepted, Finding, Snapshot, judge

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements" / "dev.txt"  # holds run.txt's packages too
SNAPSHOT: Final = Path(__file__).parent / "snapshot.json"
EXCEPTIONS: Final = Path(__file__).parent / "exceptions.toml"
SOURCES: Final = {"osv": "OSV (api.osv.dev)", "pypi": "PyPI (its JSON API)"}
_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


class NothingHeardError(Exception):
    """No answer about any package; the text is what pip-audit said."""


def read_lock(text: str) -> dict[str, str]:
    """Name and version of every locked package."""
    return {_named(name): version for name, version in _LOCKED.findall(text)}


def read_exceptions(text: str) -> list[Accepted]:
    """What is accepted for a while. Raises msgspec.ValidationError for one without its reason."""
    loaded = tomllib.loads(text).get("exception", [])
    accepted = msgspec.convert(loaded, list[Accepted], strict=False)
    if any(not one.reason.strip() for one in accepted):
        raise msgspec.ValidationError("an exception says its reason")
    return accepted


def read_answer(said: Mapping[str, Any], today: date, source: str) -> Snapshot:
    """What pip-audit told as JSON; `source` is one of SOURCES.

    Raises NothingHeardError when it skipped every package.
    """
    told = [one for one in said["dependencies"] if "skip_reason" not in one]
    if not told:
        skipped = [one["skip_reason"] for one in said["dependencies"]]
        raise NothingHeardError(skipped[0] if skipped else "no package was asked about")
    findings = [
        Finding(
            package=_named(one["name"]),
            version=one["version"],
            id=found["id"],
            aliases=tuple(found["aliases"]),
            fixed_in=tuple(found["fix_versions"]),
        )
        for one in told
        for found in one["vulns"]
    ]
    return Snapshot(
        taken_on=today,
        source=SOURCES[source],
        packages={_named(one["name"]): one["version"] for one in told},
        findings=tuple(findings),
    )


def ask(today: date) -> Snapshot:
    """Ask about every locked package, one source after the other. Raises NothingHeardError."""
    unheard = []
    for source in SOURCES:
        try:
            return _asked(source, today)
        except NothingHeardError as error:
            unheard.append(f"{SOURCES[source]}: {error}")
    kept = ask_projects(read_lock(LOCK.read_text(encoding="utf-8")), today)
    if kept is None:
        raise NothingHeardError("; ".join(unheard))
    return kept


def _asked(source: str, today: date) -> Snapshot:
    done = subprocess.run(  # noqa: S603 - our own command line
        [
            *(sys.executable, "-m", "pip_audit", "--vulnerability-service", source),
            *("--requirement", str(LOCK), "--no-deps", "--disable-pip", "--format", "json"),
            *("--progress-spinner", "off"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise NothingHeardError(last[0]) from None
    return read_answer(said, today, source)


def main(words: Sequence[str]) -> int:
    """0 when nothing is known that was not accepted; without a snapshot that says little."""
    parser = argparse.ArgumentParser(prog="deploy.audit", description=__doc__)
    parser.add_argument(
        "--online", action="store_true", help="ask OSV or PyPI, and keep the answer"
    )
    today = datetime.now(UTC).date()
    if parser.parse_args(words).online:
        try:
            kept = ask(today)
        except NothingHeardError as error:
            sys.stderr.write(f"dependencies: NOT AUDITED, nothing is kept: {error}\n")
            return 1
        SNAPSHOT.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    snapshot = None
    if SNAPSHOT.exists():
        snapshot = msgspec.json.decode(SNAPSHOT.read_bytes(), type=Snapshot)
    locked = read_lock(LOCK.read_text(encoding="utf-8"))
    accepted = read_exceptions(EXCEPTIONS.read_text(encoding="utf-8"))
    verdict = judge(locked, snapshot, accepted, today)
    for line in (*verdict.remarks, *verdict.problems):
        sys.stderr.write(f"{line}\n")
    return 1 if verdict.problems else 0


def _named(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
