# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look sends to a host. AnsiballZ ships every file that a module imports, so one careless import costs every host of every run."""

from __future__ import annotations

from pathlib import Path

from ansible.executor.module_common import modify_module
from ansible.modules import ping
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar


CHECKOUT = Path(__file__).resolve().parents[3]


def payload(name: str) -> bytes:
    """A module as it is sent, with the compression that Ansible uses by default."""
    short = name.rpartition(".")[2]
    built = modify_module(
        module_name=name,
        module_path=ping.__file__ if short == "ping" else str(CHECKOUT / "plugins" / "modules" / f"{short}.py"),
        module_args={},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    data: bytes = built[0] if isinstance(built, tuple) else built.b_module_data
    return data


def test_the_look_sends_little_more_than_a_ping() -> None:
    sent = len(payload("ansible.builtin.ping"))
    look = len(payload("appban.endpoint.host_look"))
    assert sent < look <= 230_000
    assert look - sent <= 61_000
    # What is only needed where there is something to do stays on the controller.
    assert len(payload("appban.endpoint.host_app")) > look + 100_000
