"""Which kernel boots next: recorded menus, environment blocks and folders of kernels."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import grub
from provision.agent.facts.version_order import version_key
from tests.unit.facts.recorded import Content, record

OLD, NEW, LOW = "6.8.0-45-generic", "6.8.0-49-generic", "6.8.0-49-lowlatency"
KERNELS: dict[str, Content] = {f"/boot/vmlinuz-{name}": "" for name in (OLD, NEW)}


def entry(title: str, identity: str, kernel: str, path: str = "/boot/vmlinuz-") -> str:
    return f"""menuentry '{title}' --class ubuntu --class gnu-linux $menuentry_id_option '{identity}' {{
\trecordfail
\tload_video
\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
\tlinux\t{path}{kernel} root=UUID=1 ro  quiet splash $vt_handoff
\tinitrd\t/boot/initrd.img-{kernel}
}}
"""


def menu(default: str) -> str:
    return f"""if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="{default}"
fi
function gfxmode {{
\tset gfxpayload="${{1}}"
}}
{entry("Ubuntu", "gnulinux-simple-1", NEW)}
submenu 'Advanced options for Ubuntu' $menuentry_id_option 'gnulinux-advanced-1' {{
{entry(f"Ubuntu, with Linux {NEW}", f"gnulinux-{NEW}-advanced-1", NEW)}
{entry(f"Ubuntu, with Linux {NEW} (recovery mode)", f"gnulinux-{NEW}-recovery-1", NEW)}
{entry(f"Ubuntu, with Linux {OLD}", f"gnulinux-{OLD}-advanced-1", OLD)}
}}
menuentry 'Windows Boot Manager (on /dev/nvme0n1p1)' --class windows $menuentry_id_option 'osprober-efi-1' {{
\tchainloader /EFI/Microsoft/Boot/bootmgfw.efi
}}
{entry("Fedora (on /dev/sdb2)", "osprober-gnulinux-2", "5.0.0-fedora")}
"""


@pytest.mark.parametrize(
    ("default", "environment", "expected"),
    [
        ("0", "", NEW),
        ("1>2", "", OLD),
        ("1", "", NEW),
        ("gnulinux-advanced-1>gnulinux-6.8.0-45-generic-advanced-1", "", OLD),
        ("Advanced options for Ubuntu>Ubuntu, with Linux 6.8.0-45-generic", "", OLD),
        ("${saved_entry}", "saved_entry=gnulinux-advanced-1>gnulinux-6.8.0-45-generic-advanced-1\n", OLD),
        ("${saved_entry}", "saved_entry=\n", NEW),
        ("${saved_entry}", "", NEW),
        ("0", "next_entry=1>2\n", OLD),
        ("1>2", "next_entry=0\n", NEW),
        ("no such entry", "", NEW),
        ("9", "", NEW),
        ("1>9", "", NEW),
        ("osprober-efi-1", "", NEW),
        ("3", "", NEW),
    ],
)
def test_what_the_menu_boots(tmp_path: Path, default: str, environment: str, expected: str) -> None:
    block = f"# GRUB Environment Block\n{environment}".ljust(1024, "#")
    tree = record(tmp_path, {**KERNELS, "/boot/grub/grub.cfg": menu(default), "/boot/grub/grubenv": block})
    assert grub.next_kernel(tree) == expected


def test_a_separate_boot_partition_and_a_kernel_that_is_gone(tmp_path: Path) -> None:
    text = 'set default="1"\n' + entry("A", "a", NEW, "/vmlinuz-") + entry("B", "b", OLD, "/vmlinuz-") + entry("C", "c", "9.9")
    assert grub.next_kernel(record(tmp_path / "1", {**KERNELS, "/boot/grub/grub.cfg": text})) == OLD
    gone = text.replace('"1"', '"2"')
    assert grub.next_kernel(record(tmp_path / "2", {**KERNELS, "/boot/grub/grub.cfg": gone})) == NEW


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, NEW),
        ({"/etc/default/grub": 'GRUB_DEFAULT="gnulinux-advanced-1>gnulinux-6.8.0-45-generic-advanced-1"\n'}, OLD),
        ({"/etc/default/grub": "GRUB_DEFAULT=0  # the first\n"}, NEW),
        (
            {
                "/etc/default/grub": "GRUB_DEFAULT=saved\n",
                "/boot/grub/grubenv": f"saved_entry=Advanced options>Ubuntu, with Linux {OLD}\n",
            },
            OLD,
        ),
        ({"/boot/grub/grub.cfg": b"\xff\xfe}}}{\nmenuentry\nsubmenu {\nlinux\n"}, NEW),
        ({"/boot/vmlinuz-6.9.0-1-generic.old": "", "/boot/vmlinuz-7.0.0.dpkg-tmp": "", "/boot/vmlinuz": ""}, NEW),
        ({"/boot/vmlinuz-6.10.0-1-generic": ""}, "6.10.0-1-generic"),
    ],
)
def test_without_a_readable_menu(tmp_path: Path, files: dict[str, Content], expected: str) -> None:
    assert grub.next_kernel(record(tmp_path, {**KERNELS, **files})) == expected


def test_a_container_has_no_kernel(tmp_path: Path) -> None:
    assert grub.next_kernel(record(tmp_path, {"/boot/grub/grub.cfg": menu("0")})) == ""


def test_titles_with_quotes_and_arrows() -> None:
    text = "menuentry 'it'\\''s a > b' --id \"x y\" {\n linux /vmlinuz-1\n}\nmenuentry B {\n linux /vmlinuz-2\n}\n"
    entries, _ = grub.parse(text)
    assert [(item.title, item.id, item.kernel) for item in entries] == [("it's a > b", "x y", "1"), ("B", "", "2")]
    assert grub.find(entries, "it's a >> b") == "1"
    assert grub.find(entries, "B") == "2"
    assert grub.find(entries, "") == "1"


@given(st.lists(st.sampled_from(["menuentry 'a' {", "submenu b {", "}", "linux /vmlinuz-1", "set default=", "x {", "'", ">"])))
def test_any_menu_is_read(lines: list[str]) -> None:
    entries, default = grub.parse("\n".join(lines))
    for wanted in (default, "0", "1>0", "a>b", ">", "9" * 5000):
        assert not entries or isinstance(grub.find(entries, wanted), str)


ASCENDING = [
    "5.15.0~rc1-1",
    "5.15.0-9-generic",
    "5.15.0-10-generic",
    "6.1.0-9-amd64",
    "6.1.0-13-amd64",
    "6.1.0-13-cloud-amd64",
    "6.8.0-45-generic",
    "6.8.0-49-generic",
    LOW,
    "6.10-1",
    "6.10.1-1",
]


def test_versions_sort_as_debian_sorts_them() -> None:
    assert sorted(set(ASCENDING), key=version_key) == ASCENDING


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is not here to ask")
def test_dpkg_says_the_same() -> None:
    odd = ["1", "1.0", "1~", "1a", "1+", "1-0", "1-~", "01", "1.a", "1.0-1", "1.00", "1~~", "1~a"]
    for left, right in [*itertools.pairwise(ASCENDING), *itertools.combinations(odd, 2)]:
        said = subprocess.run(["dpkg", "--compare-versions", left, "lt", right], check=False).returncode == 0
        assert (version_key(left) < version_key(right)) == said, (left, right)


@given(st.text(st.sampled_from("ab01.+~-"), max_size=8), st.text(st.sampled_from("ab01.+~-"), max_size=8))
def test_any_two_names_can_be_ordered(left: str, right: str) -> None:
    one, two = version_key(left), version_key(right)
    assert (one < two) + (two < one) + (one == two) == 1
