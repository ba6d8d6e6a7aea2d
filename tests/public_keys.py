"""Public keys whose private halves were thrown away when they were made."""

from __future__ import annotations

import base64

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMkbNGql9Pg4GsK/9J0r1uHoAFEMGGGcGJ/ZxEp+c2i me@laptop"
RSA = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCx6TeGjtPEjAOx8A/kodfaja3afvoz8aD47Qvl8jSmQ6EFh6LnAosNirkzB+IuI41cK4OqCqSCO17ZWXTji+dr"
    "KYlMyr+weukyB4QZJsth3YqG+Jqe0l/4KsnzahPi61jbjPMD3aJ0GGH+18S5qxRz4zEYehS7pFKISkGbqbMWdePKVYaFg8jC2xPGgO/911UXkdlbqATwVLqnPUYz"
    "OM+H4epXcs9v0KMgwATrLMid07euTjrKnB8qsL+GOVDa0uicmApQEBGorRCXgPy1vFRa3oVheuSgumBnpNwEsM5eA0sR1BKbNkyOjLHVm9eT/p2LgAbc44nv3h/a"
    "BmhJ3S2P me@laptop"
)
P256 = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAw/s69RU6dETgsBxQfeBwfNdYO97UljH+QP1BALkfffLbwRGrRM"
    "2Emo6UpjqgqhIohAvKFO/IbaSciQE+2ZJ0w= me@laptop"
)
P384 = (
    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBM5y/bp/cgBZT53Ri7y4+fnAZyvk61VgGr3pLMzvPuBK+ZOy7DBc"
    "EfEAfZ+wqlXwTJMWax5SzhueIWGQ6n9d8bqA5C7OYd98nvXvZfZ1DNh9rI1QNzWJ2tuCbWmYp/DSJw== me@laptop"
)
P521 = (
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAAQD+8325UZX+5S+IHx8kdwIcbgFFLC5/LDv9Cy/1BDDJMrUu6l"
    "rrgEgq3eKNhHk8FnOwOmT7tzCJ99U0pQFUlCkQDBBaVQNewlW+44Ux6/ayS26qjP6tARlSVXHODJRjoWgNsw/FkSAdx3anY7BuPaoyLk+l57pUmxSGMzapkOBkhJ"
    "Gw== me@laptop"
)
RSA_1024 = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDBD1Ke6kMkxl1/eUXkylxj/3O5DloCBPXL6cpVK3v7WXDzwTH89TXMgmxm5wfGoVRwVjkgsBi16ZXpxobmmgdR"
    "WM/Vl0sl4bnlAp7oi+BwlgHnV9DmHQpHzIxFUGQ+c9OV+UwBvmJfLEpfoybChiqgC+Wqsq/03RQ3zHyVpcOz8w== me"
)


def strings(encoded: str) -> list[bytes]:
    """Return the length-prefixed strings in base64 text (RFC 4251, section 5)."""
    raw, found = base64.b64decode(encoded), []
    while raw:
        size = int.from_bytes(raw[:4], "big")
        found.append(raw[4 : 4 + size])
        raw = raw[4 + size :]
    return found


def line(kind: str, *parts: bytes) -> str:
    """Return a public key line of these parts."""
    raw = b"".join(len(part).to_bytes(4, "big") + part for part in (kind.encode(), *parts))
    return f"{kind} {base64.b64encode(raw).decode()} made@test"


SK_ED25519 = line("sk-ssh-ed25519@openssh.com", strings(ED25519.split()[1])[1], b"ssh:")
SK_P256 = line("sk-ecdsa-sha2-nistp256@openssh.com", *strings(P256.split()[1])[1:], b"ssh:")
ALL = (ED25519, RSA, P256, P384, P521, SK_ED25519, SK_P256)
