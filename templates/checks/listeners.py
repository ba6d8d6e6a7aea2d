"""Who listens on a TCP port: `- PORT [TABLES]`; good when it is the loopback address alone. Standard library only."""

import ipaddress
import json
import pathlib
import sys

LISTEN = "0A"


def addresses(port, tables):
    """Return the local addresses of listening sockets, from the kernel's tables (words in the machine's byte order)."""
    for table in ("tcp", "tcp6"):
        file = pathlib.Path(tables, table)
        for line in file.read_text().splitlines()[1:] if file.exists() else ():
            local, state = line.split()[1], line.split()[3]
            address, _, number = local.partition(":")
            if state == LISTEN and int(number, 16) == port:
                words = [int(address[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(address), 8)]
                yield ipaddress.ip_address(b"".join(words))


def main():
    port, tables = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/proc/net"
    found = sorted({str(address) for address in addresses(port, tables)})
    inside = {each for each in found if ipaddress.ip_address(each).is_loopback}
    good = bool(found) and inside == set(found)
    said = f"listens on {', '.join(found)}, port {port}" if found else f"nothing listens on port {port}"
    print(json.dumps({"evidence": said if good or not found else f"{said}, expected 127.0.0.1 alone"}))
    sys.exit(0 if good else 1)


main()
