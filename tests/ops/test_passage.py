"""The account of an embedded server passes the folders above its own, and nobody else does."""

import os
import subprocess
from pathlib import Path

import pytest

from shared.config.env import SettingsError
from shared.local import passage
from shared.local.files import let_through, server_account
from shared.local.passage import ATTRIBUTE, let_pass

ROOT = os.geteuid() == 0
STRANGER = 64_321


def reads(file: Path, uid: int) -> bool:
    """Whether this account gets at a file; only root can try."""
    done = subprocess.run(
        ["/bin/cat", str(file)],
        user=uid, group=uid, extra_groups=[], capture_output=True, cwd="/", check=False,
    )  # fmt: skip
    return done.returncode == 0


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A file that everybody may read, in folders that nobody but their owner may enter."""
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        folder.mkdir(mode=0o700)
    file = tmp_path / "a" / "b" / "file"
    file.write_text("x", encoding="utf-8")
    file.chmod(0o644)
    return file


def test_a_folder_above_lets_one_account_through_and_the_world_no_more_than_before(
    closed: Path,
) -> None:
    let_pass(closed, STRANGER)
    once = os.getxattr(closed.parent, ATTRIBUTE)
    let_pass(closed, STRANGER)

    for folder in (closed.parent, closed.parent.parent):
        assert folder.stat().st_mode & 0o707 == 0o700
    assert os.getxattr(closed.parent, ATTRIBUTE) == once
    if ROOT:
        assert reads(closed, STRANGER)
        assert not reads(closed, STRANGER + 1)


def test_the_server_of_somebody_who_is_not_root_needs_no_way(closed: Path) -> None:
    let_through(closed)

    account = server_account()
    assert (account is not None) == ROOT
    assert closed.parent.stat().st_mode & 0o707 == 0o700


def test_a_second_account_does_not_take_the_first_ones_way(closed: Path) -> None:
    let_pass(closed, STRANGER)
    let_pass(closed, STRANGER + 1)

    if ROOT:
        assert [reads(closed, STRANGER + more) for more in range(3)] == [True, True, False]
    assert len(passage._read(closed.parent)) == 6


def test_a_way_that_a_change_of_mode_closed_is_opened_again(closed: Path) -> None:
    let_pass(closed, STRANGER)
    closed.parent.chmod(0o700)  # takes everything from whoever the list names
    let_pass(closed, STRANGER)

    assert closed.parent.stat().st_mode & 0o717 == 0o710
    if ROOT:
        assert reads(closed, STRANGER)


def test_a_folder_that_takes_no_such_entry_is_named() -> None:
    with pytest.raises(SettingsError, match="/proc/1"):
        passage._let_into(Path("/proc/1"), STRANGER)
