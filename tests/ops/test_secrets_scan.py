"""The scan of `make lint` finds what lies in the tree, and nothing that a person judged."""

import secrets
import subprocess
from pathlib import Path

import pytest

from deploy.secrets_scan import BASELINE, ROOT, accept, findings, tracked

# Put together here, so that this file itself is none of the findings.
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of its own, as git has it."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def test_a_key_that_somebody_left_is_found_and_not_repeated(tree: Path) -> None:
    token = "ghp_" + "".join(secrets.choice("abcdefgh0123456789") for _ in range(36))
    (tree / "left.py").write_text(f'TOKEN = "{token}"\n')
    (tree / "key.pem").write_text(PRIVATE_KEY)
    (tree / "clean.py").write_text("TOKEN = None\n")
    names = ["left.py", "key.pem", "clean.py"]
    baseline = tree / BASELINE
    accept(tree, ["clean.py"], baseline)

    said = findings(tree, names, baseline)

    assert "left.py:1" in said
    assert "key.pem:1" in said
    assert "clean.py" not in said
    assert token not in said


def test_what_was_judged_is_not_told_again_wherever_its_line_has_gone(tree: Path) -> None:
    file, baseline = tree / "key.pem", tree / BASELINE
    file.write_text(PRIVATE_KEY)
    accept(tree, ["key.pem"], baseline)
    file.write_text("\n\n" + PRIVATE_KEY)

    assert findings(tree, ["key.pem"], baseline) == ""


def test_every_file_is_looked_at_but_for_lists_of_digests() -> None:
    names = tracked(ROOT)

    assert {"Makefile", "shared/crypto/seal.py", "tests/ops/test_secrets_scan.py"} <= set(names)
    assert "requirements/dev.txt" not in names
