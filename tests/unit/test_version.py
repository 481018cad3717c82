"""What this is called is the same wherever it is said."""

import re
import subprocess
import tomllib
from pathlib import Path

from shared.telemetry.version import __version__, commit

ROOT = Path(__file__).parents[2]


def test_the_project_says_the_version_that_the_program_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__


def test_the_changelog_goes_by_versions_the_newest_first() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", changelog, flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    found = [
        re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \((\d{4}-\d\d-\d\d)\)", one) for one in headings[1:]
    ]
    versions = [tuple(map(int, one.groups()[:3])) for one in found if one]
    days = [one[4] for one in found if one]
    assert len(versions) == len(headings) - 1 > 0
    assert versions == sorted(versions, reverse=True)
    assert days == sorted(days, reverse=True)
    # What is being made comes after what was made.
    ours = tuple(int(part) for part in __version__.split(".")[:3])
    assert ours > versions[0] if ".dev" in __version__ else ours == versions[0]


def test_the_commit_is_the_one_that_git_says() -> None:
    said = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    assert commit() == (said or None)
