"""What `computes_torch.py` and the like have in common; it follows them in a probe's text, and uses their `Framework`.

`- BUILD`, such as `cu132` or `cpu` (`-`: any), fed to an environment's Python. On every NVIDIA GPU on the bus (of $CHECK_ROOT,
for tests), else on the processor, which it says: products in each precision, a convolution, a gradient, a network of two
layers that is trained. All are compared with exact sums in double precision, made without the framework; that it says a GPU
is available proves nothing.
"""

import json
import math
import operator
import os
import pathlib
import random
import sys

from __main__ import Framework

SKIPPED = 77
TIMES = "\N{MULTIPLICATION SIGN}"
SIZE = 128
ROWS, INPUTS, HIDDEN = 32, 4, 8
STEPS, RATE = 50, 0.1
LIMITS = {"fp32": 1e-5, "fp16": 5e-3, "bf16": 2e-2, "convolution": 1e-3, "gradient": 1e-3}
"""Largest errors accepted, as shares of the largest number: where inputs are not exact, a GPU may round them to TF32."""
TENSOR_CORES = (7, 0)
MEND = "`provision apply environments` mends the environment, `provision doctor` finds what ails the GPU"
HINTS = (
    ("no code", "`provision explain` names the build that has code for the card; `provision apply environments` takes it"),
    ("kernel image", "`provision explain` names the build that has code for the card; `provision apply environments` takes it"),
    ("build", "`provision apply environments` takes the build that was chosen"),
    ("driver", "`provision doctor` says what keeps the driver from the card"),
    ("cudnn", "`provision explain` names the cuDNN that still drives this card"),
)


def verdict(evidence, *, code=0, hint=""):
    print(json.dumps({"evidence": evidence[:390], "hint": hint} if hint else {"evidence": evidence[:390]}))
    sys.exit(code)


def broken(what, error=""):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    evidence = f"{what}: {lines[0]}" if lines else what
    verdict(evidence, code=1, hint=next((hint for word, hint in HINTS if word in evidence.lower()), MEND))


def on_the_bus(root):
    """Return how many GPUs of NVIDIA's there are."""
    devices = root.glob("sys/bus/pci/devices/*")
    files = [((each / "vendor").read_text().strip(), (each / "class").read_text()) for each in devices]
    return sum(1 for vendor, kind in files if vendor == "0x10de" and kind.startswith("0x03"))


def draw(rows, columns, seed):
    """Return multiples of 1/128 up to 1: exact in bf16 too, so that all errors are the device's."""
    number = random.Random(seed).randint  # noqa: S311 - the same numbers each time
    return [[number(-128, 128) / 128 for _ in range(columns)] for _ in range(rows)]


def product(one, other):
    columns = list(zip(*other, strict=True))
    return [[math.fsum(map(operator.mul, row, column)) for column in columns] for row in one]


def convolution(image, kernel):
    window = [(k, m) for k in range(len(kernel)) for m in range(len(kernel))]
    side = range(len(image) - len(kernel) + 1)
    return [[math.fsum(image[i + k][j + m] * kernel[k][m] for k, m in window) for j in side] for i in side]


def gradients(x, y, one, two):
    """Return those of the mean square error of tanh(x · one) · two, by its two layers."""
    hidden = [[math.tanh(value) for value in row] for row in product(x, one)]
    out = product(hidden, two)
    slope = [[2 * (a - b) / len(x)] for (a,), (b,) in zip(out, y, strict=True)]
    back = [[s * w * (1 - h * h) for (w,), h in zip(two, row, strict=True)] for (s,), row in zip(slope, hidden, strict=True)]
    return product(list(zip(*x, strict=True)), back), product(list(zip(*hidden, strict=True)), slope)


def worst(found, exact):
    """Return the largest error as a share of the largest number; what is no number is infinitely wrong."""
    pairs = [(a, b) for row, line in zip(found, exact, strict=True) for a, b in zip(row, line, strict=True)]
    largest = max(abs(b) for _, b in pairs)
    return max(abs(a - b) if math.isfinite(a) else math.inf for a, b in pairs) / largest


def compute(framework, device, kinds):
    """Yield what was computed on a device and its largest error; then `losses` and those of 50 steps of training."""
    one, other = draw(SIZE, SIZE, 7), draw(SIZE, SIZE, 8)
    exact = product(one, other)
    for kind in kinds:
        found = framework.multiply(device, kind, one, other)
        if found is not None:
            yield kind, worst(found, exact)
    image, kernel = draw(16, 16, 9), draw(3, 3, 10)
    yield "convolution", worst(framework.convolve(device, image, kernel), convolution(image, kernel))
    x, one, two = draw(ROWS, INPUTS, 11), draw(INPUTS, HIDDEN, 12), draw(HIDDEN, 1, 13)
    y = [[math.sin(sum(row))] for row in x]
    steps = framework.train(device, x, y, (one, two), RATE)
    loss, found = next(steps)
    yield "gradient", max(worst(mine, right) for mine, right in zip(found, gradients(x, y, one, two), strict=True))
    yield "losses", [loss, *(next(steps)[0] for _ in range(STEPS - 1))]


def examine(framework, device, where, kinds):
    """Return the largest errors on a device and the losses; ends with what is wrong where something is."""
    try:
        errors = dict(compute(framework, device, kinds))
    except Exception as error:  # noqa: BLE001 - whatever a GPU's libraries raise is what is looked for
        if framework.busy(device, error):
            verdict(f"{where} has no memory left: another program has it", code=SKIPPED)
        broken(where, error)
    losses = errors.pop("losses")
    wrong = [f"{name} {error:.0e}" for name, error in errors.items() if not error <= LIMITS[name]]
    if wrong:
        verdict(f"{where} computes wrong, errors against exact sums: {', '.join(wrong)}", code=1, hint=MEND)
    if not (all(map(math.isfinite, losses)) and losses[-1] < losses[0] / 2):
        verdict(f"{where} does not learn: loss {losses[0]:.3g} to {losses[-1]:.3g} in {STEPS} steps", code=1, hint=MEND)
    return errors, losses


def covered(codes, capability):
    """Return whether a build has code for a card: machine code of its generation, or code that the driver compiles."""
    for code in codes:
        kind, _, digits = code.partition("_")
        number = divmod(int("".join(filter(str.isdigit, digits))), 10)
        native = kind == "sm" and number[0] == capability[0] and number[1] <= capability[1]
        if native or (kind == "compute" and number <= capability):
            return True
    return False


def on_gpus(framework, there):
    """Return what was found on the GPUs, those of a kind together."""
    try:
        gpus = framework.gpus()
    except Exception as error:  # noqa: BLE001 - as above
        broken("CUDA does not start", error)
    if len(gpus) < there and not any("MIG" in name for _, name, _, _ in gpus):
        broken(f"{framework.name} sees {len(gpus)} of {there} GPUs on the bus, whatever the driver says")
    said = {}
    for index, (device, name, capability, codes) in enumerate(gpus):
        card = f"{name} ({capability[0]}.{capability[1]})"
        if codes and not covered(codes, capability):
            broken(f"no code for {card}: this build has {' '.join(codes)}")
        # bf16 came with Ampere; before, it is emulated.
        errors, losses = examine(
            framework, device, f"GPU {index}, {card},", ("fp32", "fp16", "bf16")[: 2 + (capability >= (8, 0))]
        )
        faster = framework.seconds(device, "fp32") / framework.seconds(device, "fp16") if capability >= TENSOR_CORES else 0.0
        said.setdefault(card, []).append((errors, losses, faster))
    return said


def shown(found):
    errors = {name: max(each[0][name] for each in found) for name in found[0][0]}
    losses = max((each[1] for each in found), key=lambda losses: losses[-1] / losses[0])
    faster = min(each[2] for each in found)
    text = ", ".join(f"{name} {error:.0e}" for name, error in errors.items())
    return f"errors {text}; loss {losses[0]:.2g} to {losses[-1]:.2g}" + (f"; fp16 {faster:.1f} {TIMES} fp32" if faster else "")


def main():
    build, root = sys.argv[1], pathlib.Path(os.environ.get("CHECK_ROOT", "/"))
    cards = on_the_bus(root)
    there = 0 if build == "cpu" else cards  # a build for the processor was chosen where no other has code for the card
    try:
        framework = Framework(gpu=bool(there))
    except (ImportError, OSError) as error:
        broken(f"{Framework.name} is not to be imported", error)
    if build not in {"-", framework.build or build}:
        broken(f"{framework.name} is the build {framework.build}, chosen was {build}")
    if there and (root / "run/systemd/container").exists() and not (root / "dev/nvidiactl").exists():
        verdict("this container was not given the GPU", code=SKIPPED)
    if there:
        found = [(name, len(each), shown(each)) for name, each in on_gpus(framework, there).items()]
        text = "; ".join(f"{f'{count} {TIMES} ' if count > 1 else ''}{name}: {said}" for name, count, said in found)
    else:
        found = examine(framework, framework.cpu, "the CPU", ("fp32", "fp16", "bf16"))
        why = "as the build is for it" if cards else "as there is no NVIDIA GPU"
        text = f"on the CPU, {why}: {shown([(*found, 0.0)])}"
    verdict(f"{', '.join(framework.versions())}; {text}")


main()
