"""Whether JupyterLab answers with its token: `- PORT`, the token in $TOKEN_FILE. It may still be starting: up to a minute."""

import http.client
import json
import os
import pathlib
import sys
import time


def get(path, token):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
    connection.request("GET", path, headers={"Authorization": f"token {token}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def verdict(evidence, *, good):
    print(json.dumps({"evidence": evidence}))
    sys.exit(0 if good else 1)


def main():
    token = pathlib.Path(os.environ["TOKEN_FILE"]).read_text().strip()
    deadline = time.monotonic() + 60
    while True:
        try:
            version = json.loads(get("/api", token)[1])["version"]
            break
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            if time.monotonic() > deadline:
                verdict(f"127.0.0.1:{sys.argv[1]} does not answer: {error}", good=False)
            time.sleep(0.5)
    status, kernels = get("/api/kernelspecs", token)
    if status != 200:
        verdict(f"jupyter_server {version} refuses the token: {status}", good=False)
    page, text = get("/lab", token)
    names = ", ".join(sorted(json.loads(kernels)["kernelspecs"]))
    good = page == 200 and "jupyter-config-data" in text
    verdict(f"jupyter_server {version}, kernels {names}; the Lab page {'opens' if good else f'answers {page}'}", good=good)


main()
