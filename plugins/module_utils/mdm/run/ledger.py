# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be remembered between runs and no tenant remembers: which notices were sent, which apps were seen and then gone.

The ledger is ``EVIDENCE_DIR/<target>.ledger.jsonl``: one line an event, only ever appended to, only in apply mode. It names
devices and banned apps, nothing else. Lost, it costs a second notice and the memory of earlier findings; no control depends on it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ...engine.errors import EvidenceError
from .line_log import append_lines, read_lines

#: What can happen to a device and an app.
#: present: found. gone: found before, and no longer. requested: its removal was asked for. withdrawn: access to work was lost.
#: restored: it is back. noticed: a notice that names the app was sent (``stage`` says for which). not_noticed: it was refused after all.
#: assigned: a control was assigned to the device by name. opted_out: the private device left the management.
#: stands: a control of a target that keeps no dates was written, or seen for the first time (``device`` is empty); ``content`` says what
#: was written, where the target keeps no mark of it either.
#: released: what was assigned to the device by name was taken from it. asked: the device was asked a question.
#: ended: a control is taken from some devices (``devices``), which still have it until they are in contact again; with ``gone`` the
#: control itself goes, and one of its name that is made later stands since then.
EVENTS = (
    "present", "gone", "requested", "withdrawn", "restored", "noticed", "not_noticed", "assigned", "released", "opted_out", "stands",
    "asked", "ended",
)  # fmt: skip
_FREE = "Make the evidence directory writable and run again"


@dataclass(slots=True)
class Story:
    """What is remembered of one device and app.

    Args:
        present: it was there when last looked at.
        removals: how often it was gone after we had asked for its removal.
        requested_at: instant of a removal that was asked for and is not proved yet; empty for none.
        withdrawn: access to work is withdrawn for it.
        personal: the device was a private one when the app was found.
    """

    present: bool = False
    removals: int = 0
    requested_at: str = ""
    withdrawn: bool = False
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Assigned:
    """What is remembered of a control that was assigned to a device by name.

    Args:
        at: the run's instant.
        enrolled: when the device had enrolled, by its server's clock; empty where nobody knew. Another one now means that it has
            enrolled again, and that nothing is left of what it had.
        content: what was sent, where the control is sent and not looked up; empty otherwise.
        order: id of the order by which it was given or taken away, where a device's answer names that; empty otherwise.
        answered: of a control that was taken away: when the device had last said that it has it, by its server's clock. Of one that was
            assigned: when it had last said so before; what is no later confirms nothing.
        heard: of one that was assigned: what the clock said then by which devices' instants are told; of one that was sent: when the
            device had last told of it before.
    """

    at: str
    enrolled: str = ""
    content: str = ""
    answered: str = ""
    order: str = ""
    heard: str = ""


@dataclass(frozen=True)
class Asked:
    """What is remembered of a question that a device was asked.

    Args:
        at: the run's instant.
        answered: when the device had last answered it before, by its server's clock; empty for never.
        enrolled: as of :class:`Assigned`.
    """

    at: str
    answered: str = ""
    enrolled: str = ""


@dataclass(frozen=True)
class Ended:
    """What is remembered of a control that was taken from a device.

    Args:
        at: the run's instant.
        control: its name at the target.
        apps: ids of the apps that it was for; empty where that is not known.
    """

    at: str
    control: str
    apps: tuple[str, ...]


#: Devices in one line of an event about many.
_DEVICES_A_LINE = 500


def ended_events(control: str, apps: Sequence[str], devices: Sequence[str], gone: bool = False) -> Iterator[dict[str, Any]]:
    """The events of a control that is taken from some devices. gone: the control itself goes, whoever has it."""
    event = {"event": "ended", "device": "", "control": control, "apps": list(apps), **({"gone": True} if gone else {})}
    for start in range(0, len(devices) or gone, _DEVICES_A_LINE):
        yield {**event, "devices": list(devices[start : start + _DEVICES_A_LINE])}


@dataclass
class Ledger:
    """The memory of one target. Reading it never fails a run that only looks; writing it does."""

    path: str
    stories: dict[tuple[str, str], Story] = field(default_factory=dict)
    notices: dict[tuple[str, str, str], str] = field(default_factory=dict)
    assigned: dict[tuple[str, str], Assigned] = field(default_factory=dict)
    released: dict[tuple[str, str], Assigned] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    standing: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    asked: dict[tuple[str, str], Asked] = field(default_factory=dict)
    ended: dict[str, tuple[Ended, ...]] = field(default_factory=dict)
    writable: bool = True
    #: Of the file when it was read: its number, its size and when it was last written; None where there was no file.
    read: tuple[int, int, int] | None = None

    @classmethod
    def open(cls, directory: str, target: str, writable: bool) -> Ledger:
        """Read the ledger of a target; an empty one where there is none.

        Raises:
            EvidenceError: for a ledger that can't be read, or with a line that is none of ours. What follows the last line feed is
                half a line, even where it looks whole: a killed run left it, and what it would have said did not happen.
        """
        ledger = cls(os.path.join(directory, target + ".ledger.jsonl"), writable=writable)
        ledger.read = ledger.file()
        try:
            lines = read_lines(ledger.path)
        except OSError as error:
            raise EvidenceError("cannot read the ledger: %s" % error.strerror, ledger.path, _FREE) from error
        for number, line in enumerate(lines, 1):
            try:
                if line:
                    ledger._take(json.loads(line.decode("utf-8")))
            except (ValueError, KeyError, TypeError) as error:
                raise EvidenceError("line %d of the ledger makes no sense" % number, ledger.path, "Move it aside and keep it") from error
        return ledger

    def file(self) -> tuple[int, int, int] | None:
        """Number, size and last write of the file; None for no file."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def is_as_it_was_read(self) -> bool:
        """Whether nobody has written to the file since it was read."""
        return self.read is not None and self.read == self.file()

    def story(self, device: str, app: str) -> Story:
        """What is remembered of a device and app."""
        return self.stories.get((device, app)) or Story()

    def noticed_at(self, device: str, stage: str, app: str) -> str:
        """When a notice of a stage that names the app was sent to a device; empty where it was not."""
        return self.notices.get((device, stage, app), "")

    def assigned_at(self, device: str, control: str) -> str:
        """When a control was assigned to a device by name; empty where it was not, or is not remembered."""
        return (self.assigned.get((device, control)) or Assigned("")).at

    def released_at(self, device: str, control: str) -> str:
        """When a control was taken from a device again; empty where it was not, or was assigned since."""
        return (self.released.get((device, control)) or Assigned("")).at

    def last_ended(self, device: str, app: str) -> str:
        """When a control for an app was last taken from a device; empty where none was."""
        return max((each.at for each in self.ended.get(device, ()) if not each.apps or app in each.apps), default="")

    def sha256(self) -> str | None:
        """The hash of what the ledger holds on disk; None where there is none."""
        try:
            with open(self.path, "rb") as handle:
                digest = hashlib.sha256()
                for chunk in iter(lambda: handle.read(1 << 20), b""):
                    digest.update(chunk)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EvidenceError("cannot read the ledger: %s" % error.strerror, self.path, _FREE) from error
        return digest.hexdigest()

    def stands_since(self, control: str) -> str:
        """When a control of a target that keeps no dates was last written, or first seen; empty where that is not remembered."""
        return self.standing.get(control, "")

    def devices_with_a_story(self) -> set[str]:
        """Devices on which an app was found and is not known to be gone, or that lost access."""
        return {device for (device, _app), story in self.stories.items() if story.present or story.withdrawn} - self.opted_out

    def is_personal(self, device: str) -> bool:
        """Whether a device with a story was a private one."""
        return any(story.personal for (name, _app), story in self.stories.items() if name == device)

    def write(self, now: str, events: Iterable[Mapping[str, Any]]) -> None:
        """Append events and take them in. On disk before it returns: a notice is written down before it is sent.

        Args:
            now: the run's instant in UTC.
            events: mappings with ``event``, ``device`` and, where it applies, ``app``, ``stage``, ``control`` or ``question``.

        Raises:
            EvidenceError: where it can't be written.
        """
        lines: list[str] = []
        for event in events:
            line = {"at": now, **event}
            self._take(line)
            lines.append(json.dumps(line, ensure_ascii=False, sort_keys=True))
        if not lines or not self.writable:
            return
        try:
            append_lines(self.path, lines)
        except OSError as error:
            raise EvidenceError("cannot write the ledger: %s" % error.strerror, self.path, _FREE) from error

    def _take(self, line: Mapping[str, Any]) -> None:
        event, device = line["event"], line["device"]
        if event not in EVENTS:
            raise ValueError(event)
        if event == "noticed":
            self.notices[(device, line["stage"], line["app"])] = line["at"]
        elif event == "not_noticed":
            self.notices.pop((device, line["stage"], line["app"]), None)
        elif event == "assigned":
            self.assigned[(device, line["control"])] = _assigned(line)
            self.released.pop((device, line["control"]), None)
        elif event == "released":
            self.assigned.pop((device, line["control"]), None)
            self.released[(device, line["control"])] = _assigned(line)
        elif event == "opted_out":
            self.opted_out.add(device)
        elif event == "stands":
            self.standing[line["control"]] = line["at"]
            self.written[line["control"]] = line.get("content", "")
        elif event == "ended":
            ended = Ended(line["at"], line["control"], tuple(line["apps"]))
            # What is made under that name later stands since then.
            for name in [each for each in self.standing if line.get("gone") and (ended.control + " ").startswith(each + " ")]:
                self.standing.pop(name)
            for each in line["devices"]:
                # Of one control only the last time counts.
                earlier = tuple(one for one in self.ended.get(each, ()) if one.control != ended.control)
                self.ended[each] = (*earlier, ended)
        elif event == "asked":
            self.asked[(device, line["question"])] = Asked(line["at"], line.get("answered", ""), line.get("enrolled", ""))
        else:
            story = self.stories.setdefault((device, line["app"]), Story())
            self._tell(story, event, line["at"])
            if event == "present":
                story.personal = line.get("ownership") == "personal"

    def _tell(self, story: Story, event: str, at: str) -> None:
        if event == "present":
            story.present = True
        elif event == "gone":
            story.removals += 1 if story.requested_at else 0
            story.present, story.requested_at = False, ""
        elif event == "requested":
            story.requested_at = at
        elif event == "withdrawn":
            story.withdrawn = True
        elif event == "restored":
            story.withdrawn = False


def _assigned(line: Mapping[str, Any]) -> Assigned:
    return Assigned(
        line["at"],
        line.get("enrolled", ""),
        line.get("content", ""),
        line.get("answered", ""),
        line.get("order", ""),
        line.get("heard", ""),
    )
