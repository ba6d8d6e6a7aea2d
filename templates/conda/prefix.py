"""What our conda program knows of a prefix: conda's records in it, its history, and the seal of our own.

`provision-records.json` is taken away before the first change and written after the last one: it seals the environment.
`provision-changing.json` is there in between, and says which files the change takes away or brings: rattler forgets a package
before its files are gone, and knows it only once they are all there.
"""

import hashlib
import json
import os
import re
import subprocess
import time
from pathlib import Path

SEAL = "provision-records.json"
JOURNAL = "provision-changing.json"


def lines(text):
    return {data["name"]: data for data in (json.loads(each) for each in text.splitlines() if each.startswith("{"))}


def read(path):
    return Path(path).read_text(encoding="utf-8", errors="replace") if Path(path).exists() else ""


def write(path, text):
    """Write a file at once or not at all."""
    scratch = Path(f"{path}.new")
    with scratch.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def stem(data):
    return f"{data.get('name')}-{data.get('version')}-{data.get('build')}"


def installed(prefix):
    """Return the records of a prefix by name; those that cannot be read, or are there twice, are taken away."""
    found = {}
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            data = json.loads(path.read_bytes())
            sound = stem(data) == path.stem
        except (ValueError, AttributeError):
            sound = False
        if sound:
            found.setdefault(data["name"], []).append((path, data))
        else:
            path.unlink()
    for path in [path for several in found.values() if len(several) > 1 for path, _ in several]:
        path.unlink()
    return {name: several[0][1] for name, several in found.items() if len(several) == 1}


def minor(python):
    return ".".join(python["version"].split(".")[:2]) if python else ""


def site_packages(python):
    return python.get("python_site_packages_path") or f"lib/python{minor(python)}/site-packages"


def distributions(records):
    """Return the names of the `*.dist-info` directories that conda packages brought."""
    files = (file for data in records.values() for file in data.get("files", ()) if ".dist-info/" in file)
    return {file.partition(".dist-info/")[0].rpartition("/")[2] + ".dist-info" for file in files}


def journal(prefix):
    """Return the files of a change that did not end."""
    try:
        return set(json.loads(read(prefix / JOURNAL)))
    except (ValueError, TypeError):
        return set()


def begin(prefix, files):
    """Write down what is about to change; until `seal`, the environment counts as half-made."""
    write(prefix / JOURNAL, json.dumps(sorted(files)))
    (prefix / SEAL).unlink(missing_ok=True)


def brought(package, noarch, python):
    """Return the files that a package will bring, from its unpacked directory in the cache."""
    listed = read(package / "info/paths.json")
    files = [each["_path"] for each in json.loads(listed)["paths"]] if listed else read(package / "info/files").splitlines()
    if noarch != "python" or not python:
        return set(files)
    above = site_packages(python).removesuffix("site-packages")
    points = json.loads(read(package / "info/link.json") or "{}").get("noarch", {}).get("entry_points", ())
    bins = {f"bin/{each.partition('=')[0].strip()}" for each in points}
    return bins | {
        f"{above}{file}" if file.startswith("site-packages/") else re.sub("^python-scripts/", "bin/", file) for file in files
    }


def take_away(prefix, files):
    """Remove files that packages brought, with what was compiled from them, and the directories that are empty then."""
    within, parents = prefix.resolve(), set()
    for file in files:
        path = prefix / file
        above = path.parent.resolve()  # what lies behind links to other directories of the prefix goes too, and nothing outside
        if not above.is_relative_to(within):
            continue
        if path.is_symlink() or path.is_file():
            path.unlink()
        for made in path.parent.glob(f"__pycache__/{path.stem}.*.pyc") if path.suffix == ".py" else ():
            made.unlink()
        parents.update(each for each in (above / "__pycache__", above, *above.parents) if within in each.parents)
    for parent in sorted(parents, key=lambda path: len(path.parts), reverse=True):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def forget(prefix):
    """Take all packages' records away, and what was being written of them."""
    for path in (prefix / "conda-meta").glob("*"):
        if path.suffix == ".json" or path.name.startswith("prefix_record_"):
            path.unlink()


def compile_python(prefix, names, progress):
    """Compile pure Python packages, and note in their records what came of it; what does not compile stays as it is."""
    records = [path for path in (prefix / "conda-meta").glob("*.json") if json.loads(path.read_bytes())["name"] in names]
    found = {path: json.loads(path.read_bytes()) for path in records}
    sources = [file for data in found.values() for file in data["files"] if file.endswith(".py") and "/site-packages/" in file]
    python = prefix / "bin/python"
    if not sources or not python.exists():
        return
    progress.say(f"compiling {len(sources)} Python file{'s' * (len(sources) != 1)}")
    argv = [str(python), "-IWi", "-m", "compileall", "-q", "-f", "-j", "0", "-i", "-"]
    listed = "".join(f"{prefix / file}\n" for file in sources)
    subprocess.run(argv, input=listed, text=True, cwd=prefix, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path, data in found.items():
        files = [file for file in data["files"] if file.endswith(".py")]
        made = [str(each) for file in files for each in compiled(prefix, Path(file))]
        made = sorted(set(made) - set(data["files"]))
        data["files"] += made
        data["paths_data"]["paths"] += [{"_path": each, "path_type": "pyc_file"} for each in made]
        write(path, json.dumps(data))


def compiled(prefix, source):
    for file in (prefix / source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc"):
        yield file.relative_to(prefix)


def note_history(prefix, before, names, specs):
    """Add to `conda-meta/history`, from which `conda list --revisions` tells."""
    known = {channel.base_url.rstrip("/"): name for name, channel in names.items()}
    old, new = (
        {f"{known.get(data['channel'].rstrip('/'), data['channel'])}/{data['subdir']}::{stem(data)}" for data in each.values()}
        for each in (before, installed(prefix))
    )
    path = prefix / "conda-meta/history"
    update = f"# update specs: {json.dumps(specs)}\n"
    text = read(path)
    if old != new or update not in text[text.rfind("==>") :]:
        changed = "".join([f"-{each}\n" for each in sorted(old - new)] + [f"+{each}\n" for each in sorted(new - old)])
        write(path, f"{text}==> {time.strftime('%Y-%m-%d %H:%M:%S')} <==\n# cmd: provision apply\n{update}{changed}")


def seal(prefix, lock):
    """Say what is there, so that looking at it later reads one file."""
    paths = sorted((prefix / "conda-meta").glob("*.json"), key=lambda path: path.name)
    for path in paths:
        path.chmod(0o644)  # rattler writes them for their owner alone: in a prefix of root's, nobody else could list packages
    stats = [(path.name, path.stat()) for path in paths]
    digest = hashlib.sha256("".join(f"{name} {info.st_size} {info.st_mtime_ns}\n" for name, info in stats).encode())
    have = installed(prefix)
    said = {
        "schema": 1,
        "digest": digest.hexdigest(),
        "lock": hashlib.sha256(re.sub(r"\A# provision .*\n", "", lock).encode()).hexdigest(),
        "records": {name: [data["version"], data["build"], data["sha256"]] for name, data in sorted(have.items())},
        "dists": sorted(distributions(have)),
        "site_packages": site_packages(have["python"]) if "python" in have else "",
    }
    write(prefix / SEAL, json.dumps(said))
    (prefix / JOURNAL).unlink(missing_ok=True)
