"""Network interfaces and their addresses."""

from __future__ import annotations

from provision.agent.facts.tree import Tree, number
from provision.facts.model import Interface

_CLASS = "/sys/class/net"
_IFF_UP = 1
_IF_INET6_FIELDS = 6


def interfaces(tree: Tree) -> tuple[Interface, ...]:
    """Return the interfaces; IPv4 addresses only on the running machine, since the kernel shows them in no file."""
    addresses: dict[int, list[str]] = {}
    if tree.live:
        from provision.agent.facts import netlink

        addresses = netlink.ipv4_addresses()
    sixes = _ipv6_addresses(tree)
    found = []
    for name in tree.names(_CLASS):
        index = tree.number(f"{_CLASS}/{name}/ifindex")
        if index:
            found.append(
                Interface(
                    name=name,
                    mac=tree.line(f"{_CLASS}/{name}/address"),
                    up=_is_up(tree, name),
                    addresses=(*addresses.get(index, ()), *sixes.get(name, ())),
                )
            )
    return tuple(found)


def _is_up(tree: Tree, name: str) -> bool:
    """Return whether packets can pass; a driver that does not tell (lo, tunnels) is up when it was set up."""
    state = tree.line(f"{_CLASS}/{name}/operstate")
    return state == "up" or (state == "unknown" and bool(number(tree.line(f"{_CLASS}/{name}/flags"), 16) & _IFF_UP))


def _ipv6_addresses(tree: Tree) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in tree.text("/proc/net/if_inet6").split("\n"):
        fields = line.split()
        if len(fields) == _IF_INET6_FIELDS and (address := ipv6(fields[0])):
            found.setdefault(fields[5], []).append(address)
    return found


def ipv6(digits: str) -> str:
    """Return 32 hexadecimal digits as an address (RFC 5952), empty when they are none."""
    from _socket import AF_INET6, inet_ntop

    try:
        return inet_ntop(AF_INET6, bytes.fromhex(digits))
    except ValueError:
        return ""
