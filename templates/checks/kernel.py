"""Start a kernel by its name, as Jupyter does: `- NAME PREFIX VARIABLE`, fed to an environment's Python on stdin.

VARIABLE is what has to name the environment in its kernel: `VIRTUAL_ENV`, `CONDA_PREFIX`.
"""

import json
import sys
import time

from jupyter_client.manager import start_new_kernel

CODE = """
import json, os, sys
print(json.dumps([sys.prefix, os.environ.get(VARIABLE), os.environ["PATH"].split(":")[0], sum(range(1000))]))
"""


def main():
    name, prefix, variable = sys.argv[1:]
    began = time.monotonic()
    manager, client = start_new_kernel(startup_timeout=90, kernel_name=name)
    seconds = time.monotonic() - began
    out = []
    try:
        code = f"VARIABLE = {variable!r}\n{CODE}"
        client.execute_interactive(code, timeout=60, output_hook=lambda message: out.append(message["content"].get("text", "")))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    try:
        answer = json.loads("".join(out))
    except ValueError:
        answer = "".join(out)[-300:]
    if answer != [prefix, prefix, f"{prefix}/bin", 499500]:
        print(json.dumps({"evidence": f"the kernel answered {answer}, expected the environment {prefix}"}))
        sys.exit(1)
    print(json.dumps({"evidence": f"up in {seconds:.1f} s, runs {prefix}/bin/python"}))


main()
