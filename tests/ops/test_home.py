"""The home is its owner's alone: its lock too, which whoever can open could hold."""

import stat
from pathlib import Path

import pytest

from shared.config.env import SettingsError
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
