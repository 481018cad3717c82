"""Which version of Notaponte this is, and which commit."""

import os
from functools import cache
from pathlib import Path
from typing import Final

# By Semantic Versioning; what lies between two versions ends in .dev0. CHANGELOG.md names each.
__version__: Final = "0.4.0.dev0"
_TOP: Final = Path(__file__).parents[2]


@cache
def commit() -> str | None:
    """The commit this runs from, as its image or its repository says; None where neither does.

    Read from the files of the repository: no program is run for it, and there may be none.
    """
    return os.environ.get("NOTAPONTE_COMMIT") or _of_repository(_TOP / ".git")


def _of_repository(git: Path) -> str | None:
    try:
        if git.is_file():  # a worktree: the file names its folder
            git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head
        return _of_branch(git, head.removeprefix("ref:").strip())
    except OSError:
        return None


def _of_branch(git: Path, branch: str) -> str | None:
    shared = git / "commondir"
    top = git / shared.read_text(encoding="utf-8").strip() if shared.is_file() else git
    if (top / branch).is_file():
        return (top / branch).read_text(encoding="utf-8").strip()
    packed = (top / "packed-refs").read_text(encoding="utf-8").splitlines()
    found = [line.split()[0] for line in packed if line.endswith(f" {branch}")]
    return found[0] if found else None
