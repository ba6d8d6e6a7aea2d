"""Whether Jupyter refuses who has no token, or another: `- PORT`, the token in $TOKEN_FILE."""

import http.client
import json
import os
import pathlib
import sys

PRIVATE = ("/api/contents", "/api/kernels", "/api/sessions", "/api/terminals", "/files/.bashrc")


def status(method, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
    connection.request(method, path, body="{}" if method == "POST" else None, headers=headers)
    return connection.getresponse().status


def refused(method, path, headers):
    """302 is the way to the login page; 403 and 404 are a plain no."""
    return status(method, path, headers) in {302, 403, 404}


def main():
    token = pathlib.Path(os.environ["TOKEN_FILE"]).read_text().strip()
    other = {"Authorization": f"token {token[::-1]}"}
    asked = [("GET", path, headers) for path in PRIVATE for headers in ({}, other)]
    asked += [("POST", "/api/kernels", headers) for headers in ({}, other)]
    open_to_all = sorted({path for method, path, headers in asked if not refused(method, path, headers)})
    # The same question with the token, so that a server that refuses everybody is not taken for a careful one.
    known = status("GET", "/api/contents", {"Authorization": f"token {token}"})
    if open_to_all or known != 200:
        said = f"open to everybody: {', '.join(open_to_all)}" if open_to_all else f"refuses its own token too: {known}"
        print(json.dumps({"evidence": said}))
        sys.exit(1)
    print(json.dumps({"evidence": f"{len(asked)} requests without the token refused, 1 with it answered"}))


main()
