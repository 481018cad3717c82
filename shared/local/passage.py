"""Letting the account of an embedded server through folders, and nobody else.

Modes are left as they were set: one entry of the access list names the account (POSIX.1e draft 17;
as Linux keeps it in `system.posix_acl_access`, include/uapi/linux/posix_acl_xattr.h). Where a file
system keeps no access lists there is no other way than the folder's mode: everybody may then pass
through it (not list it), and that is said.
"""

import errno
import os
import struct
import sys
from pathlib import Path
from typing import Final

from shared.config.env import SettingsError

ATTRIBUTE: Final = "system.posix_acl_access"
_VERSION: Final = struct.pack("<I", 2)
_ENTRY: Final = struct.Struct("<HHI")  # tag, permissions, id
_OWNER, _USER, _OWNING_GROUP, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID: Final = 0xFFFFFFFF
_PASS: Final = 1
NO_ACCESS_LISTS: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)

AclEntry = tuple[int, int, int]


def let_pass(path: Path, account: int) -> None:
    """Let this account (a uid) through the folders above `path`: pass, not list, nobody else.

    Raises SettingsError, in words, where a folder takes neither such an entry nor a mode.
    """
    for folder in path.resolve().parents:
        if not folder.stat().st_mode & 0o001:
            _let_into(folder, account)


def _let_into(folder: Path, account: int) -> None:
    if sys.platform != "linux":
        _widen(folder, account)
        return
    entries = _read(folder)
    mine = (_USER, _PASS, account)
    group = next(may for tag, may, _ in entries if tag == _OWNING_GROUP)
    # What named accounts and groups may at most; without one, no more than the group had.
    mask = next((may for tag, may, _ in entries if tag == _MASK), group)
    passes = any(tag == _USER and who == account and may & _PASS for tag, may, who in entries)
    if passes and mask & _PASS:
        return
    kept = [one for one in entries if one[0] != _MASK and (one[0], one[2]) != (_USER, account)]
    kept += [mine, (_MASK, mask | _PASS, _NO_ID)]
    try:
        os.setxattr(
            folder, ATTRIBUTE, _VERSION + b"".join(_ENTRY.pack(*one) for one in sorted(kept))
        )
    except OSError as error:
        if error.errno not in NO_ACCESS_LISTS:
            raise SettingsError((_words(folder, account),)) from error
        _widen(folder, account)


def _widen(folder: Path, account: int) -> None:
    try:
        folder.chmod(folder.stat().st_mode & 0o7777 | _PASS)
    except OSError as error:
        raise SettingsError((_words(folder, account),)) from error
    sys.stderr.write(
        f"notaponte: {folder} is on a file system without access lists, so everybody may pass"
        f" through it now: PostgreSQL runs under the account {account}.\n"
    )


def _read(folder: Path) -> list[AclEntry]:
    """The access list, or what the mode says where there is none."""
    try:
        raw = os.getxattr(folder, ATTRIBUTE)
    except OSError as error:
        if error.errno not in (errno.ENODATA, *NO_ACCESS_LISTS):
            raise
        mode = folder.stat().st_mode
        return [
            (_OWNER, mode >> 6 & 7, _NO_ID),
            (_OWNING_GROUP, mode >> 3 & 7, _NO_ID),
            (_OTHER, mode & 7, _NO_ID),
        ]
    return list(_ENTRY.iter_unpack(raw[len(_VERSION) :]))


def _words(folder: Path, account: int) -> str:
    return (
        f"NOTAPONTE_HOME: PostgreSQL runs under the account {account}, which may not pass through"
        f" {folder}, and that could not be changed. Choose a home elsewhere, or start as"
        " somebody who is not root."
    )
