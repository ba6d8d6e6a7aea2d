"""Run a cell through Jupyter's server as the browser does: `- PORT KERNEL`, the token in $TOKEN_FILE."""

import http.client
import json
import os
import pathlib
import sys
import time
import uuid

import websocket

SIZE = 60
CODE = f"""
import json, sys
one = [[(i * 7 + j * 3) % 11 for j in range({SIZE})] for i in range({SIZE})]
other = [[(i * 5 + j * 2) % 13 for j in range({SIZE})] for i in range({SIZE})]
try:
    import numpy
    product, how = (numpy.array(one) @ numpy.array(other)).tolist(), f"NumPy {{numpy.__version__}}"
except ImportError:
    columns = [[row[j] for row in other] for j in range({SIZE})]
    product = [[sum(row[k] * column[k] for k in range({SIZE})) for column in columns] for row in one]
    how = "pure Python"
print(json.dumps([sys.prefix, how, sum(map(sum, product)), sum(product[i][i] for i in range({SIZE}))]))
"""


def expected():
    one = [[(i * 7 + j * 3) % 11 for j in range(SIZE)] for i in range(SIZE)]
    other = [[(i * 5 + j * 2) % 13 for j in range(SIZE)] for i in range(SIZE)]
    product = [[sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*other, strict=True)] for row in one]
    return [sum(map(sum, product)), sum(product[i][i] for i in range(SIZE))]


def verdict(evidence, *, good):
    print(json.dumps({"evidence": evidence}))
    sys.exit(0 if good else 1)


def ask(method, path, token, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def execute(kernel, token):
    """Return what the cell printed, or raise with what went wrong; at most 90 seconds."""
    message = uuid.uuid4().hex
    content = {"code": CODE, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex, "version": "5.4"}
    channel = websocket.create_connection(
        f"ws://127.0.0.1:{sys.argv[1]}/api/kernels/{kernel}/channels",
        header=[f"Authorization: token {token}"],
        timeout=90,
        http_no_proxy=["127.0.0.1"],
    )
    request = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
    channel.send(json.dumps(request))
    out, idle, deadline = "", False, time.monotonic() + 90
    while not idle:
        if time.monotonic() > deadline:
            raise RuntimeError("no answer within 90 s")
        said = json.loads(channel.recv())
        if said.get("parent_header", {}).get("msg_id") != message:
            continue
        if said["msg_type"] == "error":
            raise RuntimeError(f"{said['content']['ename']}: {said['content']['evalue']}")
        if said["msg_type"] == "stream":
            out += said["content"]["text"]
        idle = said["msg_type"] == "status" and said["content"]["execution_state"] == "idle"
    channel.close()
    return out


def main():
    name = sys.argv[2]
    token = pathlib.Path(os.environ["TOKEN_FILE"]).read_text().strip()
    began = time.monotonic()
    status, text = ask("POST", "/api/kernels", token, {"name": name})
    if status != 201:
        verdict(f"the server starts no kernel `{name}`: {status} {text[:200]}", good=False)
    kernel = json.loads(text)["id"]
    try:
        prefix, how, *found = json.loads(execute(kernel, token))
    except (OSError, RuntimeError, ValueError, websocket.WebSocketException) as error:
        verdict(f"kernel `{name}`: {error}", good=False)
    finally:
        ask("DELETE", f"/api/kernels/{kernel}", token)
    seconds = time.monotonic() - began
    good = found == expected()
    verdict(
        f"{SIZE} by {SIZE} product by {how} in {prefix}, {'right' if good else f'wrong: {found}'}, {seconds:.1f} s", good=good
    )


main()
