"""All the facts of one machine, put together."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from provision.agent.facts import driver, filesystems, gpus, hardware, kernel, network, people, pip_settings, security, system
from provision.agent.facts.dpkg_status import DpkgStatus
from provision.agent.facts.tree import Tree
from provision.agent.facts.virtualization import CONTAINERS, virtualization
from provision.facts.model import Facts


def read(tree: Tree, *, login: str, environment: Mapping[str, str]) -> Facts:
    """Return the facts of the machine `tree` shows."""
    caller = people.login_name(tree, login, environment)
    persons = people.people(tree, also=caller)
    person = next((person for person in persons if person.name == caller), None)
    virtual = virtualization(tree)
    distribution = system.system(tree)
    status = DpkgStatus(tree, distribution.architecture)
    kernels = kernel.kernel(tree, status)
    cards = gpus.gpus(tree)
    return Facts(
        hostname=system.hostname(tree),
        system=distribution,
        kernel=kernels,
        cpu=hardware.cpu(tree),
        memory=hardware.memory(tree),
        gpus=cards,
        disks=hardware.disks(tree),
        filesystems=filesystems.filesystems(tree),
        interfaces=network.interfaces(tree),
        people=persons,
        login=caller,
        privileged=os.geteuid() == 0,
        efi=security.efi(tree),
        secure_boot=security.secure_boot(tree, container=virtual in CONTAINERS),
        virtualization=virtual,
        systemd=system.booted_with_systemd(tree),
        python=system.python(tree),
        timezone=system.timezone(tree),
        locale=system.locale(tree),
        boot_id=tree.line("/proc/sys/kernel/random/boot_id"),
        date=time.strftime("%Y-%m-%d", time.gmtime()) if tree.live else "",
        pip=pip_settings.pip_settings(tree, person, environment),
        driver=driver.driver(tree, status, gpus=cards, kernel=kernels, architecture=distribution.architecture),
        chassis=system.chassis(tree, virtual),
        desktop=system.desktop(tree),
    )
