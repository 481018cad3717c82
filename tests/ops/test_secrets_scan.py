"""The scan of `make lint` finds what lies in the tree, and nothing that a person judged."""

import secrets
from pathlib import Path

from deploy.secrets_scan import BASELINE, ROOT, accept, findings, tracked

# Put together here, so that this file itself is none of the findings.
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n"


def test_a_key_that_somebody_left_is_found_and_not_repeated(tmp_path: Path) -> None:
    token = "ghp_" + "".join(secrets.choice("abcdefgh0123456789") for _ in range(36))
    (tmp_path / "left.py").write_text(f'TOKEN = "{token}"\n')
    (tmp_path / "key.pem").write_text(PRIVATE_KEY)
    (tmp_path / "clean.py").write_text("TOKEN = None\n")
    names = ["left.py", "key.pem", "clean.py"]
    baseline = tmp_path / BASELINE
    accept(tmp_path, ["clean.py"], baseline)

    said = findings(tmp_path, names, baseline)

    assert "left.py:1" in said
    assert "key.pem:1" in said
    assert "clean.py" not in said
    assert token not in said


def test_what_was_judged_is_not_told_again_wherever_its_line_has_gone(tmp_path: Path) -> None:
    file, baseline = tmp_path / "key.pem", tmp_path / BASELINE
    file.write_text(PRIVATE_KEY)
    accept(tmp_path, ["key.pem"], baseline)
    file.write_text("\n\n" + PRIVATE_KEY)

    assert findings(tmp_path, ["key.pem"], baseline) == ""


def test_every_file_is_looked_at_but_for_lists_of_digests() -> None:
    names = tracked(ROOT)

    assert {"Makefile", "shared/crypto/seal.py", "tests/ops/test_secrets_scan.py"} <= set(names)
    assert "requirements/dev.txt" not in names
