"""What the book takes from npm: installed once, from no host in particular."""

import json
from subprocess import CompletedProcess

import pytest

import assets
from books import BuildError
from build import ROOT

LOCK = json.loads((ROOT / "book/package-lock.json").read_text("utf-8"))


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder with a lock file, an npm that only takes notes, and those notes."""
    (tmp_path / "package-lock.json").write_text("{}")
    calls = []

    def npm(arguments, **options):
        calls.append(list(arguments))
        (options["cwd"] / "node_modules").mkdir(exist_ok=True)
        return CompletedProcess(arguments, npm.status, stdout="line 1\nno such host")

    npm.status = 0
    monkeypatch.setattr(assets, "npm", npm)
    return tmp_path, npm, calls


def test_npm_runs_only_when_the_lock_file_has_changed(book):
    folder, _, calls = book
    assert assets.install(folder) == folder / "node_modules"
    assets.install(folder)
    assert calls == [["ci"]]
    (folder / "package-lock.json").write_text('{"name": "book"}')
    assets.install(folder)
    assert calls == [["ci"], ["ci"]]


def test_a_failed_installation_says_why_and_is_tried_again(book):
    folder, npm, calls = book
    npm.status = 1
    with pytest.raises(BuildError, match=r"(?s)could not install.*no such host.*registry"):
        assets.install(folder)
    npm.status = 0
    assets.install(folder)
    assert len(calls) == 2


def test_the_lock_file_names_no_host():
    packages = {name: about for name, about in LOCK["packages"].items() if name}
    assert len(packages) >= 2
    for name, about in packages.items():
        assert "resolved" not in about, name
        assert about["integrity"].startswith("sha512-"), name


def test_the_lock_file_is_that_of_the_package_file():
    package = json.loads((ROOT / "book/package.json").read_text("utf-8"))
    for kind in ("dependencies", "devDependencies"):
        assert LOCK["packages"][""][kind] == package[kind]
        for name, version in package[kind].items():
            assert LOCK["packages"][f"node_modules/{name}"]["version"] == version


def test_unused_files_are_removed(tmp_path):
    static = tmp_path / "_static"
    (static / "locales/fr").mkdir(parents=True)
    for name in ("a.js", "a.js.map", "fontawesome.js", "locales/fr/a.mo"):
        (static / name).touch()
    assets.remove_unused(static)
    assert [path.name for path in static.rglob("*")] == ["a.js"]
