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


def keeps_access_lists(folder: Path) -> bool:
    """Whether the file system of a folder takes an entry that names an account."""
    tried = folder / "tried"
    tried.mkdir(mode=0o700)
    let_pass(tried / "file", STRANGER)
    return not tried.stat().st_mode & 0o001


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


@pytest.fixture
def listed(closed: Path, tmp_path: Path) -> Path:
    """The same, where access lists are kept."""
    tmp_path.chmod(0o755)
    if not keeps_access_lists(tmp_path):
        pytest.skip("the file system of the tests keeps no access lists")
    return closed


def test_a_folder_above_lets_one_account_through_and_the_world_no_more_than_before(
    listed: Path,
) -> None:
    let_pass(listed, STRANGER)
    once = os.getxattr(listed.parent, ATTRIBUTE)
    let_pass(listed, STRANGER)

    for folder in (listed.parent, listed.parent.parent):
        assert folder.stat().st_mode & 0o707 == 0o700
    assert os.getxattr(listed.parent, ATTRIBUTE) == once
    if ROOT:
        assert reads(listed, STRANGER)
        assert not reads(listed, STRANGER + 1)


def test_the_server_of_somebody_who_is_not_root_needs_no_way(closed: Path) -> None:
    let_through(closed)

    account = server_account()
    assert (account is not None) == ROOT
    assert closed.parent.stat().st_mode & 0o707 == 0o700


def test_a_second_account_does_not_take_the_first_ones_way(listed: Path) -> None:
    let_pass(listed, STRANGER)
    let_pass(listed, STRANGER + 1)

    if ROOT:
        assert [reads(listed, STRANGER + more) for more in range(3)] == [True, True, False]
    assert len(passage._read(listed.parent)) == 6


def test_a_way_that_a_change_of_mode_closed_is_opened_again(listed: Path) -> None:
    let_pass(listed, STRANGER)
    listed.parent.chmod(0o700)  # takes everything from whoever the list names
    let_pass(listed, STRANGER)

    assert listed.parent.stat().st_mode & 0o717 == 0o710
    if ROOT:
        assert reads(listed, STRANGER)


def test_a_folder_that_takes_no_such_entry_is_named() -> None:
    with pytest.raises(SettingsError, match="/proc/1"):
        passage._let_into(Path("/proc/1"), STRANGER)


def test_where_no_access_lists_are_kept_the_mode_is_the_way_and_that_is_said(
    closed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(passage, "ATTRIBUTE", "system.notaponte_has_no_such")

    passage._let_into(closed.parent, STRANGER)

    assert closed.parent.stat().st_mode & 0o777 == 0o701
    assert f"{closed.parent} is on a file system without access lists" in capsys.readouterr().err
