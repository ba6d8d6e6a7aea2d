"""CUDA toolkits side by side, with cuDNN, NCCL and a compiler that nvcc takes, and the proof that they compile for this GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from provision.catalog.origins import NVIDIA, pins, sources
from provision.catalog.role import Note, role
from provision.catalog.stack import stack_of, unsolvable, warnings
from provision.catalog.templates import template
from provision.checks.model import Check, Probe
from provision.errors import InputError
from provision.facts.model import Facts
from provision.knowledge.words import listed, origin_name
from provision.profile.model import Profile
from provision.resources import Alternative, AptPin, File, Packages, Resource

if TYPE_CHECKING:
    from provision.knowledge.stack import Stack, ToolkitChoice

CUDA = "/usr/local/cuda"
PROFILE = "/etc/profile.d/provision-cuda.sh"


def _none(profile: Profile, facts: Facts) -> str:
    if not profile.cuda.toolkits:
        return "the profile has `toolkits = []`"
    if profile.cuda.toolkits == ("auto",) and not (facts.nvidia_gpus or profile.nvidia.gpus):
        return "no NVIDIA GPU"
    return ""


def _skipped(profile: Profile, facts: Facts) -> str:
    return _none(profile, facts) or unsolvable(profile, facts)


@role(after=("nvidia",), skipped=_skipped)
def cuda(profile: Profile, facts: Facts) -> Iterator[Resource | Check | Note]:
    """Yield the toolkits, which of them the shell finds, and a check for each."""
    if why := _none(profile, facts):
        raise InputError(why, hint='`[cuda] toolkits = ["12.8"]` asks for one by number')
    stack = stack_of(profile, facts)
    yield _note(stack)
    if not stack.toolkits:
        return
    for origin in dict.fromkeys(toolkit.origin for toolkit in stack.toolkits):
        yield from sources(profile, facts, origin)
    # NVIDIA's repository has drivers too, and the newest of them is not the one that was chosen.
    yield from pins(facts, stack.driver.origin if stack.driver else facts.system.id)
    yield from _libraries_pin(stack)
    # The system's own compiler too: nvcc looks for it before it takes the one it is told to.
    yield Packages(names=("g++",), recommends=False)
    for toolkit in stack.toolkits:
        yield Packages(names=toolkit.packages, recommends=False)
    if stack.cudnn is not None and stack.cudnn.packages:
        yield Packages(names=stack.cudnn.packages, recommends=False)
    yield from _shell(stack.toolkits)
    yield from _checks(stack)


def _note(stack: Stack) -> Note:
    lines = [f"{toolkit.version} from {origin_name(toolkit.origin)}" for toolkit in stack.toolkits]
    cudnn = stack.cudnn if stack.cudnn and any("cudnn" in name for name in stack.cudnn.packages) else None
    beside = f", cuDNN {cudnn.version or f'for CUDA {cudnn.line}'}" if cudnn else ""
    return Note(
        summary=(listed(lines) or "no toolkit") + beside,
        why="; ".join(reason for reason in stack.reasons if reason.startswith("CUDA ")),
        warnings=warnings(stack, toolkits=True),
    )


def _libraries_pin(stack: Stack) -> Iterator[AptPin]:
    """Yield what keeps cuDNN from a release that dropped the card, and NCCL to the toolkit's line: its names do not tell."""
    cudnn = stack.cudnn
    if cudnn is None or stack.toolkits[0].origin != NVIDIA:
        return
    if cudnn.version:
        packages = (f"cudnn9-cuda-{cudnn.line}*", "libcudnn9-*")
        yield AptPin(name="provision-cudnn", packages=packages, pin=f"version {cudnn.version}-*", priority=1001)
    nccl = tuple(name for name in cudnn.packages if name.startswith("libnccl"))
    if nccl:
        yield AptPin(name="provision-nccl", packages=nccl, pin=f"version *+cuda{cudnn.line}.*", priority=990)


def _shell(toolkits: tuple[ToolkitChoice, ...]) -> Iterator[Resource]:
    """Yield what makes the first toolkit the one that shells and builds find, with a compiler that all of them take."""
    own = next((toolkit for toolkit in toolkits if toolkit.origin == NVIDIA), None)
    gcc = min((toolkit.gcc for toolkit in toolkits if toolkit.gcc), default=0)
    if own:
        yield Alternative(name="cuda", link=CUDA, path=f"{CUDA}-{own.version}")
    if own or gcc:
        yield File(path=PROFILE, content=template("cuda/provision-cuda.sh.j2", bin=f"{CUDA}/bin" if own else "", gcc=gcc))


def _checks(stack: Stack) -> Iterator[Check]:
    capabilities = tuple(dict.fromkeys(gpu.capability for gpu in stack.gpus))

    def probe(script: str, toolkit: ToolkitChoice) -> Probe:
        folder = f"{CUDA}-{toolkit.version}" if toolkit.origin == NVIDIA else "-"
        argv = ("/usr/bin/python3", "-", folder, *capabilities)
        return Probe(argv=argv, stdin=template(f"checks/{script}.py"), timeout=300)

    for toolkit in stack.toolkits:
        yield Check(
            name=f"nvcc {toolkit.version} compiles",
            proves="with a login shell's compiler it makes a program for each of the machine's GPUs",
            probe=probe("nvcc", toolkit),
            hint="`provision apply cuda` puts toolkit and compiler back",
        )
    yield Check(
        name="GPU computes",
        proves="a compiled kernel runs on each GPU, and its numbers are the processor's",
        probe=probe("gpu_computes", stack.toolkits[0]),
        hint="`provision doctor` says what is wrong with the driver",
    )
