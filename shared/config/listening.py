"""Whether a service can listen where its settings say, told before it begins."""

import errno
import socket
from typing import Final

from shared.config.env import SettingsError
from shared.config.settings import exit_with

REASONS: Final = {
    errno.EADDRINUSE: "is already in use on this machine; choose another or stop who holds it",
    errno.EACCES: "is not for everybody: take one above 1023",
    errno.EADDRNOTAVAIL: "cannot be had: BIND_HOST is no address of this machine",
}


def refuse_taken_port(host: str, port: int) -> None:
    """End the process with words where nobody can listen at this address.

    Processes of one service share a port, so one of ours is in nobody's way.
    """
    try:
        where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror:
        exit_with(SettingsError((f"BIND_HOST: {host} is no address.",)))
    with socket.socket(where[0], where[1]) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind(where[4])
        except OSError as error:
            reason = REASONS.get(error.errno or 0, f"cannot be listened at ({error.strerror})")
            exit_with(SettingsError((f"Port {port} {reason}.",)))
