"""Our conda program and uv for `FakeHost`: solve to fixed versions, install records and a seal as the real ones do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from provision.agent import conda_lock, pylock
from provision.agent.host import Output
from provision.agent.steps import Run
from tests.fake_host import FakeHost

PYTHON = "/opt/provision/rattler-0.28.0/bin/python"
PROGRAM = "/opt/provision/conda-0123456789ab.py"
UV = "/opt/provision/uv-0.13.9/bin/uv"
VERSIONS = {"python": "3.12.7", "numpy": "2.4.6", "ipykernel": "7.4.0", "pandas": "3.1.0", "tensor": "2.11.0", "libzed": "1.3.1"}
PIP = {"torch": "2.15.0", "einops": "0.8.1"}
DEPENDS = {"python": ("libzed >=1.3", "__glibc >=2.17"), "numpy": ("python >=3.12,<3.13.0a0",), "tensor": ("__cuda >=13",)}
SIZE = 1_000_000
"""Bytes of every package."""


def line(name: str, version: str = "", /, **more: Any) -> str:  # noqa: ANN401 - any field of a record
    version = version or VERSIONS[name]
    data = {
        "build": "h_0",
        "build_number": 0,
        "channel": "conda-forge",
        "depends": list(DEPENDS.get(name, ())),
        "fn": f"{name}-{version}-h_0.conda",
        "name": name,
        "sha256": hashlib.sha256(f"{name} {version}".encode()).hexdigest(),
        "size": SIZE,
        "subdir": "linux-64",
        "version": version,
    }
    return json.dumps({**data, **more}, sort_keys=True, separators=(",", ":")) + "\n"


def lock_of(*names: str, header: str = "", **more: Any) -> str:  # noqa: ANN401 - any field of a record
    return header + "".join(line(name, **more) for name in sorted({*names, "libzed"} if "python" in names else names))


def machine(*, free: int = 10**12, filesystem: str = "ext4", cache_filesystem: str = "") -> FakeHost:
    host = FakeHost()
    host.add_user("me", 1000)
    if cache_filesystem:
        host.put_directory("/home/me/.cache", owner="me", group="me")

    def findmnt(argv: tuple[str, ...]) -> Output:
        path = argv[-1]
        kind = cache_filesystem if cache_filesystem and path.startswith("/home/me/.cache") else filesystem
        return Output(code=0, stdout=f"{kind} {free} {'/home' if kind == filesystem else '/home/me/.cache'}\n", stderr="")

    host.answer(("findmnt",), findmnt)
    for verb, does in (("solve", _solve), ("install", _install), ("pip", _pip)):
        host.on((PYTHON, "-IB", PROGRAM, verb), does)
    host.on((UV, "pip", "install"), _pip_install)
    host.on((UV, "pip", "uninstall"), _pip_uninstall)
    return host


def request_of(step: Run, host: FakeHost) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.text(step.argv[-1]))
    return found


def _solve(step: Run, host: FakeHost) -> int:
    asked = request_of(step, host)
    names = {spec.split()[0].partition("=")[0] for spec in asked["specs"]}
    host.put_file(asked["lock"], lock_of(*names, header=asked["header"]).encode(), owner=step.user)
    return 0


def _install(step: Run, host: FakeHost) -> int:
    asked = request_of(step, host)
    prefix, text = asked["prefix"], host.text(asked["lock"])
    meta = f"{prefix}/conda-meta"
    sound = _sound(host, meta)
    wanted = {record.name: record for record in conda_lock.records(text)}
    sealed = host.tree.get(f"{prefix}/provision-records.json") is not None
    again = set(asked["repair"]) if sealed else set(wanted)
    for path, data in sound.items():
        if data["name"] not in wanted or data["name"] in again or data["sha256"] != wanted[data["name"]].sha256:
            host.tree.drop(path)
    for record in wanted.values():
        path = f"{meta}/{record.stem}.json"
        if host.tree.get(path) is None:
            host.put_file(path, json.dumps(_record(record)).encode(), owner=step.user)
            host.put_directory(f"{asked['cache']}/pkgs/{record.stem}", owner=step.user)
        if record.name == "python":
            host.put_link(f"{prefix}/bin/python", "python3.12", owner=step.user)
            host.put_file(f"{prefix}/bin/python3.12", b"\x7fELF", 0o755, owner=step.user)
            host.put_directory(f"{prefix}/{_site(record)}", owner=step.user)
    host.put_file(f"{prefix}/provision-records.json", json.dumps(_seal(host, meta, text)).encode(), owner=step.user)
    return 0


def _sound(host: FakeHost, meta: str) -> dict[str, dict[str, Any]]:
    found = {}
    for name in host.tree.children(meta):
        try:
            found[f"{meta}/{name}"] = json.loads(host.text(f"{meta}/{name}"))
        except ValueError:
            host.tree.drop(f"{meta}/{name}")
    return found


def _site(record: conda_lock.Record) -> str:
    return f"lib/python{'.'.join(record.version.split('.')[:2])}/site-packages"


def _record(record: conda_lock.Record) -> dict[str, Any]:
    files = [f"lib/python3.12/site-packages/{record.name}-{record.version}.dist-info/METADATA"]
    data = {"name": record.name, "version": record.version, "build": record.build, "sha256": record.sha256}
    return {**data, "files": files if record.name != "python" else ["bin/python"]}


def _seal(host: FakeHost, meta: str, text: str) -> dict[str, Any]:
    names = host.tree.children(meta)
    stats = [(name, host.tree.nodes[f"{meta}/{name}"].stat) for name in names]
    have = [json.loads(host.text(f"{meta}/{name}")) for name in names]
    return {
        "schema": 1,
        "digest": hashlib.sha256("".join(f"{n} {s.size} {s.mtime_ns}\n" for n, s in stats).encode()).hexdigest(),
        "lock": conda_lock.digest(text),
        "records": {data["name"]: [data["version"], data["build"], data["sha256"]] for data in have},
        "dists": [f"{data['name']}-{data['version']}.dist-info" for data in have if data["name"] != "python"],
        "site_packages": "lib/python3.12/site-packages" if any(data["name"] == "python" for data in have) else "",
    }


def _pip(step: Run, host: FakeHost) -> int:
    asked = request_of(step, host)
    text = f"#    provision request={asked['request']} python=3.12\n{pip_lock(*(name for name in PIP if name in asked['text']))}"
    host.put_file(asked["lock"], text.encode(), owner=step.user)
    return 0


def pip_lock(*names: str) -> str:
    return "".join(f"{name}=={PIP[name]} \\\n    --hash=sha256:{'0' * 64}\n" for name in sorted(names))


def _packages(step: Run) -> str:
    python = step.argv[step.argv.index("--python") + 1]
    return f"{python.removesuffix('/bin/python')}/lib/python3.12/site-packages"


def _pip_install(step: Run, host: FakeHost) -> int:
    if "--requirements" not in step.argv:
        return 0
    folder = _packages(step)
    for name, version in pylock.pins(host.text(step.argv[-1])).items():
        _drop(host, folder, {name})
        host.put_directory(f"{folder}/{name}-{version}.dist-info", owner=step.user)
    return 0


def _pip_uninstall(step: Run, host: FakeHost) -> int:
    _drop(host, _packages(step), set(step.argv[step.argv.index("--python") + 2 :]))
    return 0


def _drop(host: FakeHost, folder: str, names: Iterable[str]) -> None:
    for each in host.tree.children(folder):
        if set(pylock.installed([each])) & set(names):
            host.tree.drop(f"{folder}/{each}")


def killed(host: FakeHost, verb: str, after: Callable[[FakeHost], None]) -> None:
    """Let the program be killed in mid-work; `after` says what it left."""

    def handler(_step: Run, host: FakeHost) -> int:
        after(host)
        return 137

    host.on((PYTHON, "-IB", PROGRAM, verb), handler)
