"""What every tool is asked for: the same directories, files, apt set and service."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from provision.box.box import Box

ROOT = "/srv/workload"
PACKAGES = ("tree", "bc")
SERVICE = "cron"
BOX_PACKAGES = (SERVICE, "python3-apt")
"""In the box from the start: the service to enable, and what ansible's apt module would install first."""

_RESET = f"""
rm -rf {ROOT}
DEBIAN_FRONTEND=noninteractive apt-get -qq purge --yes {" ".join(PACKAGES)} >/dev/null 2>&1
systemctl --quiet disable --now {SERVICE} 2>/dev/null
sync
"""
_FETCH = f"""
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
apt-get -qq update
apt-get -qq install --download-only --no-install-recommends --yes {" ".join(PACKAGES)} >/dev/null
"""
_STATE = f"""
cd {ROOT} 2>/dev/null || exit 0
find . -mindepth 1 -type d -printf '%p %m %u %g\\n' | sort
find . -type f -printf '%p %m %u %g ' -exec sha256sum {{}} ';' | cut -d' ' -f1-5 | sort
dpkg-query --show --showformat='${{Package}} ${{db:Status-Status}}\\n' {" ".join(PACKAGES)} 2>/dev/null
systemctl is-enabled {SERVICE} || true
systemctl is-active {SERVICE} || true
"""


@dataclass(frozen=True)
class Workload:
    """`size` resources: half directories, half files of 250 bytes, one apt set, one service."""

    size: int

    @property
    def directories(self) -> list[str]:
        """Their paths, parents first."""
        return [f"{ROOT}/part-{number:04}" for number in range((self.size - 2) // 2)]

    @property
    def files(self) -> dict[str, str]:
        """Their texts by path, one a directory."""
        return {f"{path}/settings.conf": _text(number) for number, path in enumerate(self.directories)}

    def reach(self, box: Box) -> None:
        """Raise `AssertionError` unless the box holds exactly this workload: the tools' own words are not taken for it."""
        said = box.succeed(_STATE, timeout=120).splitlines()
        wanted = [f"./{path[len(ROOT) + 1 :]} 755 root root" for path in self.directories]
        for path, text in self.files.items():
            wanted.append(f"./{path[len(ROOT) + 1 :]} 644 root root {hashlib.sha256(text.encode()).hexdigest()}")
        wanted += [f"{name} installed" for name in sorted(PACKAGES)] + ["enabled", "active"]
        missing, more = set(wanted) - set(said), set(said) - set(wanted)
        assert said, "nothing was made"  # noqa: S101 - a benchmark's own proof
        assert not missing | more, f"missing {sorted(missing)[:3]}, unexpected {sorted(more)[:3]}"  # noqa: S101 - as above


def _text(number: int) -> str:
    return f"# part {number}\n" + "".join(f"setting-{line} = value of part {number}\n" for line in range(8))


def fetch(box: Box) -> None:
    """Fill the box's package cache, so that a cold run measures no download."""
    box.succeed(_FETCH, timeout=300)


def reset(box: Box) -> None:
    """Take the workload away: the next run is cold."""
    box.succeed(_RESET, timeout=120)
