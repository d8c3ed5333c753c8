# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups and variables of an inventory that look like ours and are not, each with the nearest right name.

Ansible takes any name, so a misspelt group is served by nobody, and a misspelt variable changes nothing; neither says a word.
"""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from ..module_utils.engine.errors import AppbanError

_COLLECTION = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
_NAME = re.compile(r"\bappban_[a-z0-9_]+")
#: Where every variable of ours is named, and where those are that a user sets.
_SET_BY_USERS = ("roles/*/meta/argument_specs.yml", "roles/*/README.md")
_SPOKEN_OF = (*_SET_BY_USERS, "roles/*/tasks/*.yml", "roles/*/defaults/*.yml", "playbooks/*.yml")
_ALIKE = 0.85
_MOST_NOTES = 20


def near_groups(groups: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> dict[str, str]:
    """Name of a group that looks like one of ours and is none -> the one that it looks like.

    Args:
        groups: every group of the inventory with its hosts.
        wanted: names of our groups.
    """
    found: dict[str, str] = {}
    for name in sorted(set(groups) - set(wanted)):
        likeness, near = max((SequenceMatcher(None, _bare(name), _bare(each), autojunk=False).ratio(), each) for each in wanted)
        if likeness >= _ALIKE:
            found[name] = near
    return found


def no_target(groups: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> AppbanError:
    """That no host is in any of our groups, and which groups were perhaps meant."""
    near = ["%s (perhaps %s)" % each for each in near_groups(groups, wanted).items()]
    found = ". It has %s" % ", ".join(near) if near else ""
    return AppbanError(
        "No target: the inventory has no hosts in the groups %s%s" % (" and ".join(wanted), found),
        "",
        "Put tenants and hosts into these groups, and give the inventory with -i; of a slice that may be empty, say which part it is "
        "(appban_part). Nothing was contacted",
    )


def notes_of_groups(groups: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> list[str]:
    """Groups that look like one of ours and have hosts that are in none."""
    served = {host for group in wanted for host in groups.get(group, ())}
    return [
        "the inventory has a group %s, perhaps %s: nothing in it is served" % (name, near)
        for name, near in near_groups(groups, wanted).items()
        if groups[name] and served.isdisjoint(groups[name])
    ]


def notes_of_hosts_in_several(groups: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> list[str]:
    """A note where hosts are in more than one of our groups: such a one is served as a tenant and as a host."""
    counts = Counter(host for group in wanted for host in set(groups.get(group, ())))
    several = sorted(host for host, count in counts.items() if count > 1)
    if not several:
        return []
    is_in = "is" if len(several) == 1 else "are"
    return ["%s%s %s in %s, and served in each of these groups" % (several[0], _more(len(several) - 1), is_in, " and in ".join(wanted))]


def notes_of_variables(variables: Mapping[str, Iterable[str]], hosts_named: bool = True) -> list[str]:
    """Variables that look like ours and that nothing in the collection reads; bounded.

    Args:
        variables: inventory name of a host -> names of its variables.
        hosts_named: whether a variable of some hosts is told with one of them.
    """
    known = _names(_SPOKEN_OF)
    hosts: dict[str, list[str]] = {}
    for host, names in variables.items():
        for name in names:
            if name.lower().startswith("appban") and name not in known:
                hosts.setdefault(name, []).append(host)
    options = sorted(_names(_SET_BY_USERS)) if hosts else []
    notes = []
    for name, having in sorted(hosts.items()):
        near = get_close_matches(name.lower(), options, 1)
        of = "" if not hosts_named or len(having) == len(variables) > 1 else " (of %s%s)" % (having[0], _more(len(having) - 1))
        notes.append("the variable %s%s is unknown%s" % (name, of, ", perhaps %s" % near[0] if near else ""))
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = ["%d more variables that begin with appban are unknown" % (len(notes) - _MOST_NOTES)]
    return notes


def variables_of(hosts: Iterable[str], hostvars: Any) -> dict[str, list[str]]:
    """Inventory name of a host -> names of its variables; no value is read."""
    # Without templating: making every variable of every host would take its time, and fail where one can't be made.
    read = getattr(hostvars, "raw_get", None) or hostvars.__getitem__
    return {host: [str(name) for name in read(host)] for host in hosts}


def _names(places: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for place in places:
        for path in glob.glob(os.path.join(_COLLECTION, place)):
            with open(path, encoding="utf-8") as handle:
                found.update(_NAME.findall(handle.read()))
    return found


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _more(count: int) -> str:
    return " and %d more" % count if count else ""
