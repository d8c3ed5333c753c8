# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real ansible-playbook says of typical mistakes is what docs/mistakes.md shows, and says nothing twice.

``python -m tests.scenarios.test_typical_mistakes`` writes the page anew; read what has changed in it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock
from tests.lab.playbook import PROGRAMS, ansible_environment
from tests.lab.root import CHECKOUT
from tests.simulators.intune import start

from .typical_mistakes import ASSETS, GOOD_ASSETS, INVENTORY, MISTAKES, POLICY, Mistake

pytestmark = pytest.mark.long

PAGE = CHECKOUT / "docs" / "mistakes.md"
NOW = "2023-03-20T09:00:00Z"
HEAD = """\
# Mistakes and messages

What is said of mistakes that people make in their first days, each as the terminal shows it. All of them start from the policy and the
inventory of the [README](../README.md#a-policy), saved as `policy.yml` and `inventory.yml`, on 20 March 2023. Lines of tasks that had
nothing to say are left out, and so is the recap. This page is written by the commands themselves (ansible-core {core}); a test compares
it.
"""


def of_the_readme(heading: str) -> str:
    """The YAML below a heading of the README."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8").partition(f"\n### {heading}\n")[2]
    return text.partition("```yaml\n")[2].partition("```")[0]


def written(mistake: Mistake, directory: Path) -> str:
    """Write the files of a mistake. Gives what was typed, as lines of a diff."""
    good = {POLICY: of_the_readme("A policy"), INVENTORY: of_the_readme("An inventory"), ASSETS: GOOD_ASSETS}
    changed = []
    for name, text in good.items():
        for old, new in mistake.typed.get(name, ()):
            assert text.count(old) == 1, (mistake.title, old)
            text = text.replace(old, new)
            changed += [f"{name}: {line.strip()}" for line in changed_lines(text, new)]
        (directory / name).write_text(text, encoding="utf-8")
    for name, content in mistake.files.items():
        (directory / name).write_bytes(content)
    return "\n".join(changed)


def changed_lines(text: str, new: str) -> list[str]:
    """The whole lines in which a typed text stands."""
    if not new:
        return []
    start = text.index(new)
    end = text.find("\n", start + len(new.rstrip("\n")))
    return text[text.rfind("\n", 0, start) + 1 : end].splitlines()


@contextlib.contextmanager
def served(mistake: Mistake, directory: Path) -> Iterator[dict[str, str]]:
    """The environment of the command, with a tenant that answers if the mistake wants one."""
    home = directory.parent / "home"
    home.mkdir()
    plain = {"HOME": str(home), "COLUMNS": "120"}
    if not mistake.tenant:
        yield {**plain, **mistake.environment}
        return
    with start(devices=mistake.tenant, seed=3) as tenant:
        tenant.clock(NOW)
        connection = dict(tenant.connection)
        secret = str(connection.pop("client_secret"))
        host = {"appban_target": "intune", "appban_connection": connection}
        (directory / INVENTORY).write_text(yaml.safe_dump({"appban_tenants": {"hosts": {"city-intune": host}}}), encoding="utf-8")
        lock = RunLock(str(directory / "evidence"), "city-intune")
        if mistake.under_way:
            lock.hold({"run_id": "20230320T085500Z", "since": "2023-03-20T08:55:00Z", "user": "alice"})
        try:
            yield {**plain, "AZURE_CLIENT_SECRET": secret, **mistake.environment}
        finally:
            lock.release()


def plainly(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what the lab adds for itself."""
    return {name: value for name, value in environment.items() if not name.startswith("ANSIBLE_CALLBACK")}


@functools.cache
def printed(title: str) -> tuple[str, list[str], str]:
    """What was typed, the lines that a person sees, and all of the output."""
    mistake = next(each for each in MISTAKES if each.title == title)
    with tempfile.TemporaryDirectory(prefix="mistake.") as place:
        directory = Path(place) / "work"
        directory.mkdir()
        typed = written(mistake, directory)
        with served(mistake, directory) as more:
            command = [str(PROGRAMS / "ansible-playbook"), *shlex.split(mistake.command)]
            if "appban_now" not in mistake.command:
                command += ["-e", f"appban_now={NOW}"]
            done = subprocess.run(
                command,
                cwd=directory,
                env={**plainly(ansible_environment()), **more},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=300,
                check=False,
            )
        said = normal(done.stdout, directory)
    said += "" if done.returncode == mistake.ended else f"(the exit status is {done.returncode})\n"
    return typed, shown(said), said


def normal(text: str, directory: Path) -> str:
    """An output without what differs from run to run and from machine to machine."""
    text = text.replace(str(directory), "/home/alice/ban").replace(os.path.realpath(directory), "/home/alice/ban")
    text = re.sub(r"\b(?!2023)20[0-9]{6}T[0-9]{6}Z(-[0-9]+)?\b", "20230320T090000Z", text)
    text = re.sub(r"\(process [0-9]+ on [^)]*\)", "(process 4242 on controller)", text)
    text = re.sub(r"client-request-id [0-9a-f-]{36}", "client-request-id 00000000-0000-0000-0000-000000000000", text)
    text = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1", text)
    return text.replace(str(CHECKOUT), "/collection")


def shown(text: str) -> list[str]:
    """The lines of the tasks that had something to say."""
    found: list[str] = []
    banner = ""
    for line in text.splitlines():
        if line.startswith("PLAY RECAP"):
            break
        if line.startswith(("PLAY [", "TASK [")):
            banner = line.rstrip(" *")
        elif line.strip() and not re.match(r"(ok|skipping|included|changed): [^=]*$", line):
            if banner:
                found += [banner]
                banner = ""
            found.append(line.rstrip())
    return found


def section(mistake: Mistake) -> str:
    typed, lines, _all = printed(mistake.title)
    texts = [value.decode("utf-8", "replace") for value in mistake.files.values() if not value.startswith(b"\xff\xfe")]
    content = "".join(f"\n```text\n{text.rstrip()}\n```\n" for text in texts)
    changed = f"\n```text\n{typed}\n```\n" if typed else ""
    head = f"\n## {mistake.title}\n{changed}{content}"
    return "\n".join([head, "```console", f"$ ansible-playbook {mistake.command}", *lines, "```", ""])


def page_sections() -> Mapping[str, str]:
    """Title -> section of the page as it stands."""
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: f"\n## {part}".rstrip("\n") for part in parts}


@pytest.mark.fault_kind("D4", "a message that helps nobody")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_a_typical_mistake_is_told_as_the_page_shows(mistake: Mistake) -> None:
    assert section(mistake).rstrip("\n") == page_sections()[mistake.title]


@pytest.mark.fault_kind("D4", "the same error three times")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_nothing_is_said_twice_and_nothing_points_into_our_own_playbooks(mistake: Mistake) -> None:
    _typed, _lines, said = printed(mistake.title)
    told = re.findall(r"[^\n\"]{40,}", said.replace("\\", ""))
    # Two places of a document may have the same mistake.
    told = [line for line in told if not line.startswith(("PLAY ", "TASK ", "/"))]
    sentences = [part.strip() for line in told for part in re.split(r"(?<=[.;:]) ", line)]
    assert sorted({part for part in sentences if len(part) >= 40 and sentences.count(part) > mistake.tenants}) == []
    assert "Origin: " not in said
    assert "Traceback" not in said


def test_the_page_shows_every_mistake_and_no_other() -> None:
    assert list(page_sections()) == [mistake.title for mistake in MISTAKES]
    assert len(MISTAKES) >= 30


def write_page() -> None:
    from ansible import release

    text = HEAD.format(core=release.__version__) + "".join(map(section, MISTAKES))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write_page())
