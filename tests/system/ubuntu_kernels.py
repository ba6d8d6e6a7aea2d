"""Ubuntu's kernels and their boot menu, small: what packages, hooks, dkms and initramfs-tools make of them is real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.system.kernel_module import Signer, module
from tests.system.repository import Deb

CURRENT, NEXT = "6.8.0-49-generic", "6.8.0-50-generic"
RELEASES = (CURRENT, NEXT)
"""The kernels in the archive; `linux-generic` still means the first."""

_UPDATE_GRUB = r"""#!/bin/sh
# What grub-mkconfig writes, of the kernels in /boot, newest first.
set -e
GRUB_DEFAULT=0
[ ! -e /etc/default/grub ] || . /etc/default/grub
mkdir -p /boot/grub
kernels=$(ls /boot | sed -n 's/^vmlinuz-//p' | sort -rV)
entry() {
  printf "menuentry '%s' --class ubuntu --class gnu-linux \$menuentry_id_option '%s' {\n" "$1" "$2"
  printf '\tlinux\t/boot/vmlinuz-%s root=UUID=0e1f ro  quiet splash\n\tinitrd\t/boot/initrd.img-%s\n}\n' "$3" "$3"
}
{
  printf 'if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n'
  printf 'if [ "${next_entry}" ] ; then\n   set default="${next_entry}"\n   set next_entry=\nelse\n'
  printf '   set default="%s"\nfi\n' "$GRUB_DEFAULT"
  for kernel in $kernels; do entry Ubuntu gnulinux-simple-0e1f "$kernel"; break; done
  printf "submenu 'Advanced options for Ubuntu' \$menuentry_id_option 'gnulinux-advanced-0e1f' {\n"
  for kernel in $kernels; do entry "Ubuntu, with Linux $kernel" "gnulinux-$kernel-advanced-0e1f" "$kernel"; done
  printf '}\n'
} > /boot/grub/grub.cfg.new
mv /boot/grub/grub.cfg.new /boot/grub/grub.cfg
"""
_DEPMOD = "[ ! -d /lib/modules/{release}/kernel ] || depmod {release}\n"
_RUN_HOOKS = "run-parts --exit-on-error --arg={release} --arg=/boot/vmlinuz-{release} /etc/kernel/{when}.d\n"
_HEADER_HOOKS = "#!/bin/sh\nset -e\nrun-parts --exit-on-error --arg={release} /etc/kernel/header_postinst.d\n"


def kernels(scratch: Path, signer: Signer) -> Iterator[Deb]:
    """Yield each kernel's image, modules and headers, the meta-packages, and what writes the boot menu."""
    for release in RELEASES:
        yield from _kernel(release, scratch, signer)
    version = _version(CURRENT)
    for name in ("image", "headers"):
        yield Deb(name=f"linux-{name}-generic", version=version, relations=[f"Depends: linux-{name}-{CURRENT}"])
    yield Deb(name="linux-generic", version=version, relations=["Depends: linux-image-generic, linux-headers-generic"])
    paths = {f"/etc/kernel/{when}.d/zz-update-grub": "#!/bin/sh\nexec update-grub\n" for when in ("postinst", "postrm")}
    yield Deb(name="grub2-common", version="2.12", files={"/usr/sbin/update-grub": _UPDATE_GRUB, **paths})


def _kernel(release: str, scratch: Path, signer: Signer) -> Iterator[Deb]:
    version, headers, modules = _version(release), f"/usr/src/linux-headers-{release}", f"/lib/modules/{release}"
    hooks = dict.fromkeys(("postinst", "postrm"), f"#!/bin/sh\nset -e\n{_DEPMOD}{_RUN_HOOKS}")
    yield Deb(
        name=f"linux-image-{release}",
        version=version,
        relations=[f"Depends: linux-modules-{release}"],
        files={f"/boot/vmlinuz-{release}": f"a kernel, {release}\n"},
        scripts={when: text.format(release=release, when=when) for when, text in hooks.items()},
    )
    nouveau = module(scratch, "nouveau", version="", license="GPL and additional rights", release=release)
    yield Deb(
        name=f"linux-modules-{release}",
        version=version,
        files={
            **{f"{modules}/modules.{name}": "" for name in ("order", "builtin", "builtin.modinfo")},
            f"{modules}/kernel/drivers/gpu/drm/nouveau/nouveau.ko": signer.sign(nouveau),
            f"/boot/config-{release}": "CONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\n",
        },
    )
    yield Deb(
        name=f"linux-headers-{release}",
        version=version,
        files={f"{headers}/{name}": "CONFIG_MODULES=y\n" for name in ("Makefile", ".config", "include/config/auto.conf")},
        links={f"{modules}/build": headers},
        scripts={"postinst": _HEADER_HOOKS.format(release=release)},
    )


def _version(release: str) -> str:
    number = release.removesuffix("-generic")
    return f"{number}.{number.rpartition('-')[2]}"
