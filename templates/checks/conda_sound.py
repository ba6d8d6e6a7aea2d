"""Whether all files of a conda environment are as its packages brought them: `- PREFIX SECONDS`.

Every file of every record has to be there. As many as can be read within SECONDS, drawn anew each time, are compared with the
SHA-256 that their record gives.
"""

import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path

WRITTEN = {"hardlink", "unix_python_entry_point"}
"""Kinds of entries whose bytes are recorded."""
SHOWN = 3
"""Names of files that are shown."""


def verdict(evidence, *, good):
    print(json.dumps({"evidence": evidence[:390]}))
    sys.exit(0 if good else 1)


def records(prefix):
    """Return the files' entries of each package; raises `ValueError` for a record that is not one."""
    found = {}
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        record = json.loads(path.read_bytes())
        if path.stem != f"{record['name']}-{record['version']}-{record['build']}":
            raise ValueError(path.name)
        listed = {entry["_path"]: entry for entry in (record.get("paths_data") or {}).get("paths") or ()}
        found[path.stem] = {name: listed.get(name, {}) for name in (*record.get("files", ()), *listed)}
    return found


def collected(packages):
    """Return whose each file is, and the hashes it may have: of two packages with one file, either's."""
    owners, hashes = {}, {}
    for package, files in packages.items():
        for name, entry in files.items():
            owners[name] = package
            given = entry.get("sha256_in_prefix") or entry.get("sha256")
            # Python writes compiled files itself, and a link has no bytes of its own.
            if given and entry.get("path_type") in WRITTEN and not name.endswith(".pyc"):
                hashes.setdefault(name, set()).add(given)
    return owners, hashes


def main():
    prefix, seconds = Path(sys.argv[1]), float(sys.argv[2])
    try:
        packages = records(prefix)
        owners, hashes = collected(packages)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        verdict(f"a record cannot be read: {error}", good=False)
    if not packages:
        verdict(f"no records of packages in {prefix}/conda-meta", good=False)
    wrong = [f"{name} of {owners[name]} is missing" for name in owners if not os.path.lexists(prefix / name)]
    drawn = [name for name in hashes if os.path.lexists(prefix / name)]
    random.shuffle(drawn)
    began, read = time.monotonic(), 0
    for name in drawn:
        if read and time.monotonic() - began > seconds:
            break
        read += 1
        try:
            digest = hashlib.sha256((prefix / name).read_bytes()).hexdigest()
        except OSError as error:
            wrong.append(f"{name} of {owners[name]}: {error.strerror}")
            continue
        if digest not in hashes[name]:
            wrong.append(f"{name} of {owners[name]} is another")
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        verdict(f"{'; '.join(wrong[:SHOWN])}{more}", good=False)
    how = "all of them read" if read == len(drawn) else f"{read} of them read"
    verdict(f"{len(packages)} packages, {len(owners)} files there, {how} and as recorded", good=True)


main()
