"""The image's file system without an engine: laid out as deploy/Dockerfile says, and run in a jail.

A jail is a mount namespace of its own whose root holds the image's folders, the Python it was made
with and the machine's libraries, all of it read-only; a command in it is user 10001, who can gain
nothing. That takes root, or a machine that lets nobody else do more (`why_no_jail`).
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deploy.image import DOCKERFILE, lay_out_venv

ROOT = Path(__file__).parents[2]
USER = 10001
LIBRARIES = ("bin", "sbin", "lib", "lib64", "lib32", "libx32")
SYSTEM_FILES = ("ld.so.cache", "ssl", "ca-certificates", "hosts", "nsswitch.conf", "resolv.conf")

# $1: the laid-out image; $2: the Python it was made with; the rest: the command.
_JAIL = f"""
set -eu
image=$1 base=$2; shift 2
jail=$image/jail
mount -t tmpfs -o mode=755 jail "$jail"
shown() {{ mkdir -p "$jail$2"; mount --bind "$1" "$jail$2"; mount -o remount,ro,bind "$jail$2"; }}
shown "$image/venv" /venv
shown "$image/app" /app
shown /usr /usr
case $base in /usr|/usr/*) ;; *) shown "$base" "$base" ;; esac
for name in {" ".join(LIBRARIES)}; do
	if [ -L "/$name" ]; then cp -P "/$name" "$jail/$name"
	elif [ -d "/$name" ]; then shown "/$name" "/$name"; fi
done
mkdir -p "$jail/etc" "$jail/dev" "$jail/proc" "$jail/tmp"
for name in {" ".join(SYSTEM_FILES)}; do
	[ -e "/etc/$name" ] && cp -rL "/etc/$name" "$jail/etc/$name"
done
for name in null urandom; do
	: > "$jail/dev/$name"; mount --bind "/dev/$name" "$jail/dev/$name"
done
mount --rbind /proc "$jail/proc"
mount -t tmpfs -o mode=1777,size=64m,noexec,nosuid,nodev tmp "$jail/tmp"
mount -o remount,ro "$jail"
cd "$jail"
chroot=$(PATH=$PATH:/usr/sbin:/sbin; command -v chroot)
exec setpriv --no-new-privs "$chroot" --userspec={USER}:{USER} "$jail" \\
	/bin/sh -c 'cd /app && exec "$@"' sh "$@"
"""


@cache
def why_no_jail() -> str | None:
    """None where a jail can be made."""
    if os.geteuid() != 0:
        return "a jail for the image's commands takes root"
    if missing := [name for name in ("unshare", "setpriv", "chroot") if not shutil.which(name)]:
        return f"a jail takes {', '.join(missing)}"
    tried = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "x", "/mnt"],
        check=False,
        capture_output=True,
    )
    return "this machine lets nobody mount" if tried.returncode else None


def lay_out(folder: Path) -> Path:
    """/venv and /app as the build stage makes them; the folder."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    build, last = text.split("\nFROM ")[1:]
    assert re.findall(r"^COPY --from=build (\S+) (\S+)$", last, re.MULTILINE) == [
        ("/venv", "/venv"),
        ("/app", "/app"),
    ], "the last stage holds what is not laid out here"
    lay_out_venv(folder / "venv")
    for source, target in re.findall(r"^COPY (\S+) /(app/\S+)$", build, re.MULTILINE):
        shutil.copytree(
            ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__")
        )
    compiled = re.findall(r"^RUN python (-m compileall .+) /app$", build, re.MULTILINE)
    assert len(compiled) == 1
    subprocess.run([sys.executable, *compiled[0].split(), str(folder / "app")], check=True)
    (folder / "jail").mkdir()
    return folder


def image_environment() -> dict[str, str]:
    """What the Dockerfile's last stage sets."""
    last = DOCKERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    (words,) = re.findall(r"^ENV (.+)$", last, re.MULTILINE)
    return dict(word.split("=", 1) for word in words.split())


def jailed(image: Path, command: Sequence[str]) -> list[str]:
    """The command as it runs in a container of this image: the same process, not a child."""
    return [
        *("unshare", "--mount", "--propagation", "private"),
        *("sh", "-c", _JAIL, "jail", str(image), sys.base_prefix, *command),
    ]
