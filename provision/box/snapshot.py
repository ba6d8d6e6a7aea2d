"""What a machine is, looked at from outside and without any code of the agent: files, packages, units."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provision.box.inside import Inside

TREES = ("/boot", "/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var/lib", "/var/spool")
EXCLUDED = (
    # What a run writes about itself.
    r"/var/lib/provision(/runs(/.*)?|/lock)?",
    # What running programs keep for themselves.
    r"/var/lib/systemd/.*",
    r"/var/lib/private/.*",
    r"(/root|/home/[^/]+)/\.(cache|ipython|local/share/jupyter/runtime|jupyter/lab/workspaces)(/.*)?",
    r"(/root|/home/[^/]+)/\.local/share/jupyter/(nbsignatures\.db|notebook_secret|jupyter_cookie_secret)",
    r".*/__pycache__(/.*)?",
)

SCRIPT = r"""
import hashlib, json, os, re, stat, subprocess, sys
trees, excluded = json.load(sys.stdin)
excluded = re.compile("|".join(f"(?:{each})" for each in excluded) or r"(?!)")
files = {}

def look(path):
    if excluded.fullmatch(path):
        return False
    status = os.lstat(path)
    record = {"mode": oct(status.st_mode), "owner": f"{status.st_uid}:{status.st_gid}", "mtime": status.st_mtime_ns}
    if stat.S_ISREG(status.st_mode):
        digest = hashlib.sha256()
        with open(path, "rb") as opened:
            while chunk := opened.read(1 << 20):
                digest.update(chunk)
        record["content"] = digest.hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        record["content"] = os.readlink(path)
    names = os.listxattr(path, follow_symlinks=False)
    attributes = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names}
    if attributes:
        record["xattrs"] = json.dumps(attributes, sort_keys=True)
    files[path] = record
    return True

for tree in trees:
    if not os.path.isdir(tree) or not look(tree):
        continue
    for folder, below, names in os.walk(tree):
        # Another file system is not this machine's own: /opt may hold a folder of the host.
        below[:] = [name for name in below if not os.path.ismount(os.path.join(folder, name))]
        below[:] = [name for name in below if look(os.path.join(folder, name))]
        for name in names:
            try:
                look(os.path.join(folder, name))
            except FileNotFoundError:
                pass

def lines(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()

packages = dict(line.split("\t", 1) for line in lines("dpkg-query", "-W", "-f", "${binary:Package}\t${Version} ${Status}\n"))
units = {}
for line in lines("systemctl", "list-unit-files", "--no-legend", "--no-pager", "--plain"):
    name, state = line.split()[:2]
    # Nobody installed a transient one: a login session's scope, for as long as it lasts.
    if state != "transient":
        units[name] = state
kinds = "--type=service,socket,timer,mount,path"
for line in lines("systemctl", "list-units", "--all", "--no-legend", "--no-pager", "--plain", kinds):
    name, loaded, active, running = line.split()[:4]
    # Sessions and one-shot services come and go by themselves.
    if not re.match(r"(session-|user@|user-runtime-dir@|run-user-|run-credentials-)", name) and running != "dead":
        units[name] = f"{units.get(name, loaded)} {active}"
json.dump({"files": files, "packages": packages, "units": units}, sys.stdout)
"""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Records by path, by package and by unit."""

    files: Mapping[str, Mapping[str, str | int]]
    packages: Mapping[str, str]
    units: Mapping[str, str]


def take(machine: Inside, *, trees: Sequence[str] = TREES, excluded: Sequence[str] = EXCLUDED) -> Snapshot:
    """Return a snapshot of `machine`: all files in `trees` but those that a pattern in `excluded` matches as a whole."""
    program = ["python3", "-I", "-c", SCRIPT]
    return Snapshot(**json.loads(machine.succeed(program, stdin=json.dumps([list(trees), list(excluded)]), timeout=300)))


def differences(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Return one line for each thing that differs, such as `~ /etc/fstab: mode 0o100644 → 0o100600`."""
    found = _files({path: _text(record) for path, record in before.files.items()}, after)
    for kind, was, became in (("package", before.packages, after.packages), ("unit", before.units, after.units)):
        found += [
            f"~ {kind} {name}: {was.get(name, 'absent')} → {became.get(name, 'absent')}"
            for name in sorted({*was, *became})
            if was.get(name) != became.get(name)
        ]
    return tuple(found)


def _text(record: Mapping[str, str | int]) -> dict[str, str]:
    return {key: str(value) for key, value in record.items()}


def _files(before: Mapping[str, dict[str, str]], after: Snapshot) -> list[str]:
    found = []
    for path in sorted({*before, *after.files}):
        if path not in before:
            found.append(f"+ {path}")
        elif path not in after.files:
            found.append(f"- {path}")
        else:
            was, became = before[path], _text(after.files[path])
            changed = [
                f"{key} {was.get(key, '-')} → {became.get(key, '-')}" for key in became | was if was.get(key) != became.get(key)
            ]
            if changed:
                found.append(f"~ {path}: {', '.join(changed)}")
    return found
