"""Whether a token shows where others look: `- UNIT`, as root, the token in $TOKEN_FILE. Standard library only."""

import json
import os
import pathlib
import subprocess
import sys


def arguments():
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.parent.name, file.read_bytes()
        except OSError:
            continue


def main():
    token = pathlib.Path(os.environ["TOKEN_FILE"]).read_bytes().strip()
    if not token:
        print(json.dumps({"evidence": "the token is empty"}))
        sys.exit(1)
    journal = subprocess.run(["journalctl", "-u", sys.argv[1], "-o", "cat", "--no-pager"], capture_output=True, check=False)
    log = journal.stdout
    if journal.returncode:
        print(json.dumps({"evidence": f"the log cannot be read: {journal.stderr.decode(errors='replace')[-200:]}"}))
        sys.exit(1)
    programs = list(arguments())
    shown = [f"in the arguments of process {pid}" for pid, text in programs if token in text]
    if token in log:
        shown.append(f"{log.count(token)} times in the log of {sys.argv[1]}")
    lines = log.count(b"\n")
    said = f"shown {', '.join(shown)}" if shown else f"0 hits in {lines} lines of log and {len(programs)} programs' arguments"
    print(json.dumps({"evidence": said}))
    sys.exit(1 if shown else 0)


main()
