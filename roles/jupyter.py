"""JupyterLab as a service of an ordinary user, on 127.0.0.1 only, with a token that is born on the machine."""

from __future__ import annotations

from collections.abc import Iterator

from provision.catalog.person import person
from provision.catalog.role import role
from provision.catalog.templates import template
from provision.catalog.uv import bring_uv, uv, uv_settings
from provision.checks.model import Check, Probe
from provision.errors import InputError
from provision.facts.model import Facts, Person
from provision.profile.model import Profile
from provision.resources import Directory, File, GeneratedSecret, Resource, Service, Unit, UvEnvironment

ENVIRONMENT = "/opt/provision/envs/jupyter"
CONFIGURATION = "/etc/provision/jupyter"
# 2.20.0 closes CVE-2026-44727.
REQUIREMENTS = ("jupyterlab", "jupyter_server>=2.20")


def _nobody(profile: Profile, facts: Facts) -> str:
    if not facts.systemd:
        return "systemd does not run this machine"
    if profile.jupyter.user or profile.machine.user:
        return ""
    try:
        person(profile, facts)
    except InputError as error:
        return f"{error.message} {error.hint}"
    return ""


@role(after=("base", "environments"), skipped=_nobody)
def jupyter(profile: Profile, facts: Facts) -> Iterator[Resource | Check]:
    """Yield JupyterLab in an environment of its own, its service, and the proof that cells run and nobody else gets in."""
    owner = person(profile, facts, profile.jupyter.user)
    unit = f"jupyter@{owner.name}.service"
    yield from bring_uv(facts)
    # Root's, so that what the service's user runs cannot change the service itself.
    yield UvEnvironment(
        name="jupyter",
        path=ENVIRONMENT,
        program=uv(facts).program,
        requirements=tuple(dict.fromkeys((*REQUIREMENTS, *profile.jupyter.packages))),
        owner="root",
        settings=uv_settings(facts),
    )

    yield Directory(path=CONFIGURATION)
    token = f"{CONFIGURATION}/{owner.name}.token"
    yield GeneratedSecret(path=token)
    configuration = File(path=f"{CONFIGURATION}/{owner.name}.py", content=_configuration(profile))
    yield configuration
    template_unit = Unit(name="jupyter@.service", content=template("jupyter/jupyter@.service"))
    yield template_unit
    changed = (template_unit.path, configuration.path, token, f"{ENVIRONMENT}/provision.json")
    yield Service(unit=unit, restart_after=changed)
    yield from _checks(profile, owner, unit, token)


def _configuration(profile: Profile) -> str:
    lines = [f"c.ServerApp.port = {profile.jupyter.port}"]
    if profile.environment:
        lines.append(f"c.MultiKernelManager.default_kernel_name = {profile.environment[0].name!r}")
    return template("jupyter/config.py") + "".join(f"{line}\n" for line in lines)


def _checks(profile: Profile, owner: Person, unit: str, token: str) -> Iterator[Check]:
    port = str(profile.jupyter.port)
    python = f"{ENVIRONMENT}/bin/python"
    credentials = (("TOKEN", token),)
    log = f"`journalctl -u {unit} -n 50` says why"

    def probe(script: str, *words: str, user: str = owner.name) -> Probe:
        return Probe(argv=(python, "-", *words), user=user, stdin=template(f"checks/{script}.py"), credentials=credentials)

    yield Check(
        name="JupyterLab answers",
        proves=f"its server on 127.0.0.1:{port} takes the token, and serves the Lab page",
        probe=probe("jupyter_answers", port),
        hint=log,
    )
    yield Check(
        name="strangers are refused",
        proves="without the token, and with another one, neither files nor kernels are reachable",
        probe=probe("jupyter_refuses", port),
        hint="`provision apply jupyter` puts the configuration back",
    )
    yield Check(
        name="hidden from the LAN",
        proves=f"nothing listens on port {port} but on the loopback address",
        probe=Probe(argv=(python, "-", port), stdin=template("checks/listeners.py")),
        hint="`provision apply jupyter` binds it to 127.0.0.1 again",
    )
    kernels = tuple(environment.name for environment in profile.environment) or ("python3",)
    for kernel in kernels:
        yield Check(
            name=f"cell runs in {kernel}",
            proves="a cell sent to the server as the browser does multiplies matrices and returns the product",
            probe=probe("jupyter_cell", port, kernel),
            hint=log,
        )
    yield Check(
        name="token stays secret",
        proves="the token is in no program's arguments and nowhere in the service's log",
        probe=probe("token_hidden", unit, user="root"),
        hint=f"`sudo rm {token} && provision apply jupyter` makes a new one",
    )
