"""Part of `make lint`: no secret of anybody's lies in the tree.

detect-secrets looks at every file that git knows; what it found once and a person judged to be none
(keys of tests, examples) stands in `.secrets.baseline` by its hash. After such a judgement:
`python -m deploy.secrets_scan --accept`.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BASELINE: Final = ".secrets.baseline"
# Hashes of packages, tables of the tax office: long numbers and digests by nature.
OF_DIGESTS: Final = ("requirements/dev.txt", "requirements/run.txt", "shared/domain/data/")
# It takes every line with the word for a secret: texts of the panel, names of Kubernetes' Secrets.
WITHOUT: Final = ("KeywordDetector",)

FOUND_NOTHING: Final = {0, 3}  # 3: what is known lies in other lines now


def tracked(root: Path) -> list[str]:
    """The files that git knows, but for those that are made of digests."""
    said = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is wherever the machine has it
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = [name for name in said.split("\0") if name and name != BASELINE]
    return [name for name in names if not name.startswith(OF_DIGESTS) and (root / name).is_file()]


def findings(root: Path, names: Sequence[str], baseline: Path) -> str:
    """What is found that nobody has judged, in words that never show it; empty when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        known = Path(shutil.copy(baseline, folder))  # it writes new numbers of lines there
        done = subprocess.run(  # noqa: S603 - our own command line
            [
                *(sys.executable, "-m", "detect_secrets.pre_commit_hook"),
                *("--baseline", str(known), "--no-verify", *names),
            ],
            cwd=root,
            check=False,
            capture_output=True,
            text=True,
        )
    return "" if done.returncode in FOUND_NOTHING else (done.stdout + done.stderr).strip()


def accept(root: Path, names: Sequence[str], baseline: Path) -> None:
    """Write down what is there now as judged by whoever calls this."""
    without = [word for plugin in WITHOUT for word in ("--disable-plugin", plugin)]
    said = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "detect_secrets", "scan", "--no-verify", *without, *names],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    baseline.write_text(said, encoding="utf-8")


def main() -> int:
    """0 when nothing new is found; the baseline itself is never changed without `--accept`."""
    names, baseline = tracked(ROOT), ROOT / BASELINE
    if "--accept" in sys.argv[1:]:
        accept(ROOT, names, baseline)
        return 0
    said = findings(ROOT, names, baseline)
    sys.stderr.write(said + "\n" if said else "")
    return 1 if said else 0


if __name__ == "__main__":
    raise SystemExit(main())
