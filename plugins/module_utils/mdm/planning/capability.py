# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a target can do for a ban on one kind of device, as data. The tables of docs/capabilities.md are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping


@dataclass(frozen=True)
class Support:
    """How an action is carried out on a kind of device, or why it is not.

    Args:
        mechanisms: names of the mechanisms, any of which is enough; empty where there are none.
        why_not: reason from the vocabulary of outcomes where there is no mechanism.
        note: for a reader: what it does, or what would be needed.
        certain: False for a removal that works only on some installations, so that it may have no effect for ever.
    """

    mechanisms: tuple[str, ...] = ()
    why_not: str = ""
    note: str = ""
    certain: bool = True

    def __post_init__(self) -> None:
        if bool(self.mechanisms) == bool(self.why_not):
            raise ValueError("support needs either mechanisms or the reason why there are none")


@dataclass(frozen=True)
class Capability:
    """One kind of device.

    Args:
        kind: its name in this table.
        label: what a reader calls it.
        sees: where the target's inventory knows the app from: ``all`` apps, or ``reported`` (only what a list of ours makes it
            report), or ``none``.
        why_unseen: reason for which an app can't be seen, as long as no list reports it.
        sees_note: for a reader.
        remove, block, block_web, withdraw_access, advise: the support of each action.
    """

    kind: str
    label: str
    sees: str
    why_unseen: str
    sees_note: str
    remove: Support
    block: Support
    block_web: Support
    withdraw_access: Support
    advise: Support

    def support(self, action: str) -> Support:
        """Support for an action; an audit needs none."""
        found: Support = getattr(self, action)
        return found

    def supports(self, mechanism: str) -> bool:
        """Whether a mechanism has an effect on such a device, and is one that is used there."""
        return any(mechanism in self.support(action).mechanisms for action in ACTIONS_WITH_SUPPORT)


def without_support(kind: str, label: str, why_not: str, **support: Support) -> Capability:
    """A kind of device that the target neither sees nor reaches, for one reason.

    Args:
        why_not: the reason for everything.
        support: by action, where one of them is different nevertheless.
    """
    no = Support(why_not=why_not)
    actions = {action: support.get(action, no) for action in ACTIONS_WITH_SUPPORT}
    return Capability(kind, label, "none", why_not, "no", **actions)


ACTIONS_WITH_SUPPORT: tuple[str, ...] = ("remove", "block", "block_web", "withdraw_access", "advise")

CapabilityOf = Callable[[Mapping[str, Any]], Capability]


def render_markdown(table: tuple[Capability, ...], names: Mapping[str, str]) -> str:
    """A capability table as Markdown, one row a kind of device.

    Args:
        table: the rows.
        names: mechanism -> what a reader calls it.
    """
    header = ["Device", "Finds", "Removes", "Blocks", "Withdraws access", "Blocks the site", "Tells the user"]
    lines = ["| %s |" % " | ".join(header), "|%s" % (" --- |" * len(header))]
    for row in table:
        cells = ["**%s**" % row.label, row.sees_note]
        for support in (row.remove, row.block, row.withdraw_access, row.block_web, row.advise):
            cells.append(_cell(support, names))
        lines.append("| %s |" % " | ".join(cells))
    return "\n".join(lines) + "\n"


def _cell(support: Support, names: Mapping[str, str]) -> str:
    if support.mechanisms:
        text = ", ".join(names[mechanism] for mechanism in support.mechanisms)
    else:
        text = "no (`%s`)" % support.why_not
    return "%s: %s" % (text, support.note) if support.note else text
