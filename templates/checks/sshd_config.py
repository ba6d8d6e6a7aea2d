"""Whether sshd accepts its own configuration and keys, and what of it matters. Standard library only, as root."""

import json
import subprocess
import sys

SHOWN = ("port", "permitrootlogin", "passwordauthentication", "pubkeyauthentication")


def main():
    test = subprocess.run(["sshd", "-t"], capture_output=True, text=True, check=False)
    if test.returncode:
        print(json.dumps({"evidence": " ".join(test.stderr.split())[:300]}))
        sys.exit(1)
    lines = subprocess.run(["sshd", "-T"], capture_output=True, text=True, check=True).stdout.splitlines()
    print(json.dumps({"evidence": ", ".join(line for line in lines if line.split(" ", 1)[0] in SHOWN)}))


main()
