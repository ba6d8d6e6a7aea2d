"""The default locale."""

from __future__ import annotations

import pytest

from provision.agent.host import Output
from provision.agent.provider import Pending
from provision.agent.providers.locale import plain, supported_line
from provision.agent.steps import Run
from provision.plan.model import Status
from provision.resources import Locale, Packages
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost

SUPPORTED = b"en_US ISO-8859-1\nen_US.UTF-8 UTF-8\nfr_FR.UTF-8 UTF-8\nfr_FR@euro ISO-8859-15\n"
GEN = b"# en_US ISO-8859-1\n# en_US.UTF-8 UTF-8\n  # fr_FR.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n"
FRENCH = Locale(name="fr_FR.UTF-8")


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.put_directory("/etc/default")
    host.put_file("/usr/share/i18n/SUPPORTED", SUPPORTED)
    host.put_file("/etc/locale.gen", GEN)
    made = ["C", "C.utf8", "POSIX", "de_DE.utf8"]
    host.answer(("locale", "-a"), lambda _argv: _said("\n".join(made)))

    def generate(_step: Run, host: FakeHost) -> None:
        made.extend(plain(each.split()[0]) for each in host.text("/etc/locale.gen").split("\n") if each and each[0] not in "# ")

    host.on(("locale-gen",), generate)
    return host


def _said(text: str) -> Output:
    return Output(code=0, stdout=text, stderr="")


@pytest.mark.parametrize(
    ("want", "default", "expected", "after"),
    [
        ("fr_FR.UTF-8", None, "~ locale LANG file > Write Run Write", "LANG=fr_FR.UTF-8\n"),
        ("fr_FR.UTF-8", "LANG=C\nLC_TIME=de_DE.UTF-8\n", "~ locale LANG content > Write Run Write", None),
        ("fr_FR.UTF-8", "LANG=fr_FR.UTF-8\n", "~ locale > Write Run", None),
        ("de_DE.UTF-8", "LANG=de_DE.UTF-8\n", "= the default locale is de_DE.UTF-8", None),
        ("de_DE.UTF-8", 'LANG="de_DE.UTF-8"\n', "= the default locale is de_DE.UTF-8", 'LANG="de_DE.UTF-8"\n'),
        ("de_DE.UTF-8", "#  x\n", "~ LANG content > Write", "#  x\nLANG=de_DE.UTF-8\n"),
        ("C.UTF-8", "LANG=de_DE.UTF-8\n", "~ LANG content > Write", "LANG=C.UTF-8\n"),
        ("xx_XX.UTF-8", None, "! this machine cannot make the locale `xx_XX.UTF-8`", None),
    ],
)
def test_every_prior(want: str, default: str | None, expected: str, after: str | None, host: FakeHost) -> None:
    if default is not None:
        host.put_file("/etc/default/locale", default.encode())
    assert outcome(Locale(name=want), host) == expected
    if after is not None:
        assert host.text("/etc/default/locale") == after
    if default is not None and "LC_TIME" in default:
        assert host.text("/etc/default/locale") == "LANG=fr_FR.UTF-8\nLC_TIME=de_DE.UTF-8\n"


def test_only_the_locales_own_line_is_uncommented(host: FakeHost) -> None:
    converge(FRENCH, host)
    assert host.text("/etc/locale.gen").encode() == GEN.replace(b"  # fr_FR", b"fr_FR")


def test_locale_gen_is_made_where_there_is_none(host: FakeHost) -> None:
    host.tree.drop("/etc/locale.gen")
    converge(FRENCH, host)
    assert host.text("/etc/locale.gen") == "fr_FR.UTF-8 UTF-8\n"


@pytest.mark.parametrize("linked", [True, False])
def test_debian_13_keeps_it_in_locale_conf(host: FakeHost, *, linked: bool) -> None:
    host.put_file("/etc/locale.conf", b"LANG=C.UTF-8\n")
    if linked:
        host.put_link("/etc/default/locale", "../locale.conf")
    converge(FRENCH, host)
    assert host.text("/etc/locale.conf") == "LANG=fr_FR.UTF-8\n"
    assert (host.lstat("/etc/default/locale") is not None) == linked


def test_without_the_package_locales(host: FakeHost) -> None:
    host.tree.drop("/usr/share/i18n/SUPPORTED")
    assert outcome(FRENCH, host) == "! this machine cannot make the locale `fr_FR.UTF-8`"
    pending = Pending()
    pending.add(Packages(names=("locales",)))
    assert plan(FRENCH, host, pending).status is Status.KNOWN_AFTER_APPLY
    assert outcome(Locale(name="C.UTF-8"), host) == "~ LANG file > Write"


def test_locale_is_asked_at_most_once_and_not_for_what_libc_brings(host: FakeHost) -> None:
    plan(Locale(name="C.UTF-8"), host)
    assert host.calls["query"] == 0
    plan(FRENCH, host)
    assert host.calls["query"] == 1


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("en_US.UTF-8", "en_US.utf8"),
        ("fr_FR@euro", "fr_FR@euro"),
        ("fr_FR", "fr_FR"),
        ("de_DE.ISO-8859-15@euro", "de_DE.iso885915@euro"),
    ],
)
def test_names_as_locale_prints_them(name: str, printed: str) -> None:
    assert plain(name) == printed


def test_the_supported_line() -> None:
    text = SUPPORTED.decode()
    assert supported_line(text, "en_US.utf8") == "en_US.UTF-8 UTF-8"
    assert supported_line(text, "fr_FR@euro") == "fr_FR@euro ISO-8859-15"
    assert supported_line(text, "fr_FR") == ""
