"""Reaching the network and local sockets."""

from __future__ import annotations

from .case import Attack, Outcome, gives_true
from .world import World


def heard(listener: str):
    def worked(world: World, _: Outcome) -> bool:
        return world.heard(getattr(world, listener))

    return worked


ATTACKS = [
    Attack("connect by TCP", "socket.create_connection(('127.0.0.1', w['tcp']), 1)", heard("tcp")),
    Attack(
        "connect by TCP through libc",
        "s = libc.socket(2, 1, 0)\n"
        "address = struct.pack('=H', 2) + struct.pack('>H', w['tcp']) + bytes([127, 0, 0, 1]) + bytes(8)\n"
        "libc.connect(s, address, 16)",
        heard("tcp"),
    ),
    Attack(
        "send by UDP",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('127.0.0.1', w['udp']))",
        heard("udp"),
    ),
    Attack("connect to a socket file", "socket.socket(socket.AF_UNIX).connect(w['unix'])", heard("unix")),
    Attack(
        "connect to an abstract socket",
        "socket.socket(socket.AF_UNIX).connect('\\0' + w['abstract'])",
        heard("abstract"),
    ),
    Attack("listen by TCP", "return socket.create_server(('127.0.0.1', 0)).getsockname()[1] > 0", gives_true),
    Attack("resolve a name", "return socket.gethostbyname('localhost').startswith('127.')", gives_true),
    Attack(
        "list network interfaces", "return 'lo' in [name for _, name in socket.if_nameindex()]", gives_true
    ),
    Attack(
        "open a netlink socket",
        "return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).fileno() >= 0",
        gives_true,
    ),
    Attack("make a pair of sockets", "return socket.socketpair()[0].fileno() >= 0", gives_true),
]
