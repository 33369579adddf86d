"""Which browser is taken: one that is there, else one that is installed, else advice."""

import subprocess
from types import SimpleNamespace

import pytest
from playwright.sync_api import Error

import chromium


@pytest.fixture
def machine(monkeypatch):
    """A machine on which `runs` says which browsers start, and `installs` which commands work."""
    state = SimpleNamespace(on_path=None, runs=set(), installs={}, commands=[])

    def run(command, **_):
        state.commands.append(command[0] if command[0] == "apt-get" else "playwright")
        state.runs |= state.installs.get(state.commands[-1], set())
        if state.commands[-1] == "apt-get" and "/debian" in state.runs:
            state.on_path = "/debian"
        return SimpleNamespace(returncode=int(state.commands[-1] not in state.installs))

    def start(executable_path="playwright's"):
        if executable_path not in state.runs:
            raise Error("does not start")
        return SimpleNamespace(version="1.0")

    monkeypatch.setattr(chromium, "find", lambda: state.on_path)
    monkeypatch.setattr(chromium, "may_install_packages", lambda: True)
    monkeypatch.setattr(subprocess, "run", run)
    state.playwright = SimpleNamespace(chromium=SimpleNamespace(launch=start))
    return state


def test_a_browser_on_the_path_is_taken(machine):
    machine.on_path, machine.runs = "/usr/bin/chromium", {"/usr/bin/chromium", "playwright's"}
    assert chromium.launch(machine.playwright)[1] == "/usr/bin/chromium, version 1.0"
    assert machine.commands == []


def test_playwrights_own_is_the_second_choice(machine):
    machine.on_path, machine.runs = "/broken", {"playwright's"}
    assert chromium.launch(machine.playwright)[1] == "Playwright's own Chromium, version 1.0"
    assert machine.commands == []


def test_playwrights_is_installed_where_there_is_none(machine):
    machine.installs = {"playwright": {"playwright's"}}
    assert "installed just now" in chromium.launch(machine.playwright)[1]
    assert machine.commands == ["playwright"]


def test_debians_is_installed_where_playwrights_does_not_run(machine):
    machine.installs = {"apt-get": {"/debian"}}
    assert chromium.launch(machine.playwright)[1].startswith("/debian, installed just now")
    assert machine.commands == ["playwright", "apt-get", "apt-get"]


def test_without_any_there_is_advice(machine):
    with pytest.raises(RuntimeError, match="apt-get install chromium"):
        chromium.launch(machine.playwright)
