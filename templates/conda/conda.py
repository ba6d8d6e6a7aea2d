"""Conda packages by rattler: `conda.py solve|install|pip REQUEST`, run by the Python that has rattler, as an environment's owner.

REQUEST is a JSON file. Prints JSON lines `{"says", "done", "total", "unit"}` on the way; on failure, at the end,
`{"error", "hint", "evidence"}` and exits 1. An environment is touched only once all its packages are fetched and verified.
On a machine it is one file: the modules beside it are put before it (`provision/catalog/conda_program.py`).
"""

import asyncio
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rattler
from explained import explained
from memory import lean
from prefix import (
    SEAL,
    begin,
    brought,
    compile_python,
    distributions,
    forget,
    installed,
    journal,
    lines,
    minor,
    note_history,
    read,
    seal,
    stem,
    take_away,
    write,
)
from rattler.exceptions import InvalidMatchSpecError
from said import Progress, TroubleError, wait_for

UNPACKED = 3
"""Bytes on disk of a package, for each byte of it that is downloaded, about."""
KEPT = (
    *("name", "version", "build", "build_number", "subdir", "fn", "sha256", "md5", "size", "depends", "constrains"),
    *("noarch", "license", "timestamp", "python_site_packages_path"),
)
ELSEWHERE = {"pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch", "tensorflow-base": "tensorflow"}
"""Names of distributions that conda calls otherwise."""


def client(request):
    # The machine's own certificates: rattler's built-in ones do not know a lab's proxy.
    return rattler.Client.from_config(CONFIG, max_retries=request.get("retries", 3), user_agent="provision")


CONFIG = rattler.Config.from_toml('tls-root-certs = "system"')


def channels(request):
    """Return the channels by their names, in their order."""
    found = {}
    for name, url in request["channels"]:
        found[name] = rattler.Channel(f"{url.rstrip('/')}/" if url else name)
    return found


def specs_of(request):
    found = []
    for spec in request["specs"]:
        try:
            found.append(rattler.MatchSpec(spec, strict=False))  # as conda reads it: `numpy 2.1` is not an error
        except InvalidMatchSpecError as error:
            raise TroubleError(f"`{spec}` is not a conda package: {error}", "write it like `numpy >=2,<3`") from None
    return found


def virtual(request):
    given = {"__unix": "0", "__linux": "0", **dict(request["virtual"])}
    for name, version in given.items():
        number, build = ("1", version) if name == "__archspec" else (version, "0")
        yield rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(number), rattler.BuildString(build))


def line_of(record, names):
    """Return a record as a lock has it: a channel's name, never its address."""
    data = json.loads(record.to_json())
    kept = {key: data[key] for key in KEPT if data.get(key) is not None}
    if not kept.get("sha256"):
        raise TroubleError(f"the channel gives no SHA-256 of `{data['fn']}`", "take the package from another channel")
    if any(word in kept.get("license", "") for word in ("://", "'''")):
        del kept["license"]
    base = data["url"].rpartition("/")[0].rpartition("/")[0]
    kept["channel"] = next((name for name, channel in names.items() if channel.base_url.rstrip("/") == base), "")
    if not kept["channel"]:
        raise TroubleError(f"`{data['fn']}` comes from {base}, which nobody asked for")
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def record_of(data, names):
    """Return what rattler installs, from a line of a lock and where its channel is."""
    noarch = data.get("noarch")
    if data["channel"] not in names:
        raise TroubleError(f"the lock takes `{data['name']}` from the channel `{data['channel']}`, which is not configured")
    package = rattler.PackageRecord(
        data["name"],
        data["version"],
        rattler.BuildString(data["build"]),
        data.get("build_number", 0),
        data["subdir"],
        noarch=rattler.NoArchType(noarch) if noarch else None,
        depends=data.get("depends"),
        constrains=data.get("constrains"),
        sha256=bytes.fromhex(data["sha256"]),
        md5=bytes.fromhex(data["md5"]) if data.get("md5") else None,
        size=data.get("size"),
        license=data.get("license"),
        python_site_packages_path=data.get("python_site_packages_path"),
    )
    if data.get("timestamp"):
        package.timestamp = dt.datetime.fromtimestamp(data["timestamp"] / 1000, dt.timezone.utc)
    base = names[data["channel"]].base_url.rstrip("/")
    return rattler.RepoDataRecord(package, data["fn"], f"{base}/{data['subdir']}/{data['fn']}", f"{base}/")


async def solve(request, progress):
    """Write the lock that `specs` are solved to."""
    names, specs = channels(request), specs_of(request)
    progress.say(f"solving {len(specs)} package{'s' * (len(specs) != 1)} of {', '.join(names)}")
    liked = [data for data in lines(request.get("prefer", "")).values() if data["channel"] in names]
    solving = rattler.solve(
        list(names.values()),
        specs,
        gateway=rattler.Gateway(cache_dir=Path(request["cache"]) / "repodata", client=client(request)),
        platforms=[request["subdir"], "noarch"],
        locked_packages=[record_of(data, names) for data in liked],
        virtual_packages=list(virtual(request)),
        channel_priority=rattler.ChannelPriority.Strict,
        channel_relations="disabled",  # only the channels that were asked for
    )
    patience = request.get("patience", 600)
    try:
        with lean(request["cache"]):
            found = await asyncio.wait_for(solving, patience)
    except asyncio.TimeoutError:
        raise TroubleError(
            f"no answer from {', '.join(names)} within {patience} s", "look at the network, then try again"
        ) from None
    text = "".join(f"{line}\n" for line in sorted(line_of(record, names) for record in found))
    ordered = sorted(text.splitlines(keepends=True), key=lambda line: json.loads(line)["name"])
    write(request["lock"], request["header"] + "".join(ordered))


async def install(request, progress):
    """Bring the prefix to what the lock says."""
    prefix, cache, names = Path(request["prefix"]), Path(request["cache"]) / "pkgs", channels(request)
    text = read(request["lock"])
    wanted = lines(text)
    if not wanted:
        raise TroubleError(f"the lock `{request['lock']}` holds no packages", "`provision lock --upgrade` solves it anew")
    have, left = installed(prefix), journal(prefix)
    # Without its seal an environment was being changed when something ended that; its packages and the cache are suspect.
    whole = bool(have or left) and not (prefix / SEAL).exists()
    mode = rattler.ValidationMode.full() if whole else rattler.ValidationMode.fast()
    packages = rattler.PackageCache.new_layered([cache], validation_mode=mode)
    other = {name for name, data in have.items() if name in wanted and data.get("sha256") != wanted[name]["sha256"]}
    again = (set(request.get("repair", ())) & set(wanted)) | other
    new = [name for name, data in wanted.items() if whole or name in again or stem(data) != stem(have.get(name, {}))]
    records = {name: record_of(data, names) for name, data in wanted.items()}
    index = await packages.index()
    lacking = [name for name in new if not index.contains_record(records[name])]
    check_space([wanted[name] for name in lacking], [wanted[name] for name in new], cache, prefix)
    arguments = {"package_cache": packages, "client": client(request), "config": CONFIG, "reporter": progress}
    if lacking:
        progress.fetching(len(lacking), sum(wanted[name].get("size", 0) for name in lacking))
        await fetch([records[name] for name in {*lacking, *({"python"} & set(wanted))}], cache, arguments, request, progress)
    progress.linking()
    changed = [data for name, data in have.items() if whole or name in new or name not in wanted]
    left.update(file for data in changed for file in data.get("files", ()))
    for data in (wanted[name] for name in new):
        left |= brought(cache / stem(data), data.get("noarch"), wanted.get("python"))
    begin(prefix, left)
    if whole:
        take_away(prefix, left)
        forget(prefix)
    installing = rattler.install(
        list(records.values()),
        prefix,
        reinstall_packages=set() if whole else again,
        execute_link_scripts=os.geteuid() != 0,  # root runs no code of a channel's
        requested_specs=[spec._match_spec for spec in specs_of(request)],  # noqa: SLF001 - 0.28 takes no others
        **arguments,
    )
    await watched(installing, request, progress)
    pure = {name for name, data in wanted.items() if data.get("noarch") == "python"}
    moved = minor(wanted.get("python")) != minor(have.get("python"))
    compile_python(prefix, pure if moved else pure & set(new), progress)
    note_history(prefix, have, names, request["specs"])
    seal(prefix, text)


def check_space(lacking, new, cache, prefix):
    """Raise `TroubleError` where the packages do not fit, before the first byte is written."""
    download = sum(data.get("size", 0) for data in lacking)
    needs = {cache: download * (1 + UNPACKED)}
    cache.mkdir(parents=True, exist_ok=True)
    if cache.stat().st_dev != prefix.stat().st_dev:
        needs[prefix] = sum(data.get("size", 0) for data in new) * UNPACKED
    for path, need in needs.items():
        free = shutil.disk_usage(path).free
        if free < need:
            raise TroubleError(
                f"{size(need)} are needed at `{path}` and {size(free)} are free",
                f"make room there; `du -sh {cache}` shows what is kept",
            )


def size(number):
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"


async def fetch(records, cache, arguments, request, progress):
    """Bring packages into the cache, by installing them where nobody looks."""
    for left in (*cache.parent.glob(".fetch-*"), *(each for each in cache.glob(".*") if each.is_dir())):
        shutil.rmtree(left, ignore_errors=True)  # somebody was killed: the cache's lock is ours
    # When one package fails, rattler still writes others there for a moment; what it leaves is swept up the next time.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache.parent, ignore_cleanup_errors=True) as scratch:
        await watched(rattler.install(records, scratch, execute_link_scripts=False, **arguments), request, progress)


async def watched(installing, request, progress):
    """Wait for `installing`; raises `TroubleError` when downloads stand still."""
    stall = request.get("stall", 60)
    task = asyncio.ensure_future(installing)
    while not (await asyncio.wait({task}, timeout=0.5))[0]:
        if progress.open and time.monotonic() - progress.moved > stall:
            task.cancel()
            raise TroubleError(f"the channel sent nothing for {stall} s", "look at the network or the mirror, then try again")
    await task


def solve_pip(request, progress):
    """Solve pip packages on top of what conda brings, which is not in their lock: `request["argv"]` is uv's command."""
    wanted = lines(read(request["conda"]))
    prefix = Path(request["prefix"])
    if (prefix / SEAL).exists():
        given = dict(each.removesuffix(".dist-info").rsplit("-", 1) for each in distributions(installed(prefix)))
    else:  # nothing is installed: the packages that need Python, by the names they have most often
        pure = [data for data in wanted.values() if any(each.split()[0] == "python" for each in data.get("depends", ()))]
        given = {ELSEWHERE.get(data["name"], data["name"]): data["version"] for data in pure}
    if "python" not in wanted:
        raise TroubleError("there is no Python in the lock for the pip packages to go with", "add `python` to `packages`")
    python, short = wanted["python"]["version"], minor(wanted["python"])
    progress.say(f"solving pip packages for Python {short}")
    with tempfile.TemporaryDirectory(dir=prefix) as scratch:
        limits = Path(scratch) / "constraints.txt"
        limits.write_text("".join(f"{name}=={version}\n" for name, version in sorted(given.items())) + request["constraints"])
        source = Path(scratch) / request["source"]
        source.write_text(request["text"])
        header = f"provision request={request['request']} python={short}"
        kept = [word for name in sorted(given) for word in ("--no-emit-package", name)]
        own = ["--custom-compile-command", header, "--output-file", request["lock"], "--constraints", str(limits), *kept]
        done = subprocess.run(
            [*request["argv"], "--python-version", python, *own, str(source)], stdin=subprocess.DEVNULL, check=False
        )
    if done.returncode:
        raise TroubleError("uv finds no pip packages that go with the conda packages", "its words are above")


def main():
    os.umask(0o022)
    verb, path = sys.argv[1:]
    request = json.loads(read(path))
    progress = Progress()
    try:
        if verb == "pip":
            solve_pip(request, progress)
        else:
            cache = Path(request["cache"])
            cache.mkdir(parents=True, exist_ok=True)
            with (cache / "lock").open("w") as lock:
                wait_for(lock, progress)
                asyncio.run({"solve": solve, "install": install}[verb](request, progress))
    except TroubleError as trouble:
        said = trouble.said
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said in one line
        said = explained(error, request, channels(request)).said
    else:
        return
    print(json.dumps(said), flush=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
