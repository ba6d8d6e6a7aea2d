"""What a new lock changes: packages by name, versions in one spelling, builds where only they differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provision.profile.lock import Lock
from provision.profile.lock_changes import PackageChange, compare
from tests.unit.run.locking import HASH, conda_lock, pip_lock

versions = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["1", "2.0", "3"]))


def told(before: Lock, after: Lock) -> list[tuple[str, str, str, str]]:
    return [(each.name, each.manager, each.before, each.after) for each in compare("lab", before, after).changes]


def test_added_removed_and_changed_by_name() -> None:
    before, after = pip_lock(numpy="1.26.4", left_pad="1.0", same="1"), pip_lock(numpy="2.4.6", torch="2.15.0", same="1")
    assert told(Lock(before), Lock(after)) == [
        ("left-pad", "pip", "1.0", ""),
        ("numpy", "pip", "1.26.4", "2.4.6"),
        ("torch", "pip", "", "2.15.0"),
    ]


def test_a_name_is_one_however_it_is_spelt() -> None:
    one, other = f"Left_Pad==1.0 --hash=sha256:{HASH}\n", f"left.pad[x]==1.0 ; os_name == 'posix' --hash=sha256:{HASH}\n"
    assert told(Lock(one), Lock(other)) == []


def test_a_package_that_depends_on_the_machine_has_several_versions() -> None:
    two = "".join(f"numpy=={version} ; python_version {sign} '3.12' --hash=sha256:{HASH}\n" for version, sign in PAIR)
    assert told(Lock(two), Lock(pip_lock(numpy="2.4.6"))) == [("numpy", "pip", "1.26.4 or 2.4.6", "2.4.6")]


PAIR = (("2.4.6", ">="), ("1.26.4", "<"))


def test_of_a_build_alone_the_build_is_told() -> None:
    before, after = conda_lock(numpy="2.4=py312_0", mkl="1=a"), conda_lock(numpy="2.4=py312_1", mkl="2=b")
    assert told(Lock(conda=before), Lock(conda=after)) == [
        ("mkl", "conda", "1", "2"),
        ("numpy", "conda", "2.4 py312_0", "2.4 py312_1"),
    ]


def test_both_managers_are_told_apart() -> None:
    change = compare("lab", Lock(), Lock(pip_lock(numpy="1"), conda_lock(numpy="2", python="3.12.12")))
    assert (change.first, change.packages) == (True, 3)
    assert [(each.name, each.manager) for each in change.changes] == [
        ("numpy", "conda"),
        ("numpy", "pip"),
        ("python", "conda"),
    ]


@given(versions, versions)
def test_what_is_told_makes_one_of_the_other(before: dict[str, str], after: dict[str, str]) -> None:
    for old, new in (
        (Lock(pip_lock(**before)), Lock(pip_lock(**after))),
        (Lock(conda=conda_lock(**before)), Lock(conda=conda_lock(**after))),
    ):
        change = compare("lab", old, new)
        made = dict(before)
        for each in change.changes:
            assert made.pop(each.name, "") == each.before
            if each.after:
                made[each.name] = each.after
        assert made == after
        assert change.packages == len(after)
        assert all(isinstance(each, PackageChange) and each.before != each.after for each in change.changes)
