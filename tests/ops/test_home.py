"""The home is its owner's alone: its lock too, which whoever can open could hold."""

import stat
from pathlib import Path

import pytest

from shared.config.env import SettingsError
from shared.local.backup import backups_folder
from shared.local.home import HomeBusyError, open_home


def test_nobody_else_can_open_the_lock_and_one_from_before_is_closed(tmp_path: Path) -> None:
    home = open_home({"NOTAPONTE_HOME": str(tmp_path)})
    lock = tmp_path / "lock"
    lock.touch()
    lock.chmod(0o644)

    with home.locked():
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        with pytest.raises(HomeBusyError), home.locked():
            pass
    with home.locked():
        pass


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    home = open_home({"NOTAPONTE_HOME": str(tmp_path / "home")})
    target = tmp_path / "elsewhere"
    (home.folder / "lock").symlink_to(target)

    with pytest.raises(SettingsError, match="lock"), home.locked():
        pass
    assert not target.exists()


@pytest.mark.parametrize("name", ['a"b', "50%", "x ;y", "line\nbreak"])
def test_a_path_that_a_server_could_not_be_told_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="NOTAPONTE_HOME: choose a folder"):
        open_home({"NOTAPONTE_HOME": str(tmp_path / name)})
    home = open_home({"NOTAPONTE_HOME": str(tmp_path / "home with ' and $HOME")})
    with pytest.raises(SettingsError, match="NOTAPONTE_BACKUPS: choose a folder"):
        backups_folder({"NOTAPONTE_BACKUPS": str(tmp_path / name)}, home)
