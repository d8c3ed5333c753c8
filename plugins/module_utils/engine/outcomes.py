# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one vocabulary of results, and the one function that gives a device and app its outcome.

An outcome says what was observed, never what was hoped for: a queued command is ``removal_requested``, an app that is
blocked and still there is ``blocked_not_removed``, and what could not be looked at is ``not_observable``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence, Tuple

OUTCOMES: Tuple[str, ...] = (
    "compliant",
    "removed",
    "removal_requested",
    "blocked_not_removed",
    "violating",
    "advised",
    "access_withdrawn",
    "recurred",
    "exempt",
    "exemption_expired",
    "out_of_scope",
    "unclassified",
    "not_in_force",
    "not_applicable",
    "cannot_enforce",
    "not_observable",
    "stale",
    "unreachable",
    "failed",
)

#: From what needs a person's attention most to what needs none: a device with several apps is counted under its first.
GRAVITY: Tuple[str, ...] = (
    "failed",
    "unreachable",
    "violating",
    "recurred",
    "cannot_enforce",
    "blocked_not_removed",
    "access_withdrawn",
    "removal_requested",
    "exemption_expired",
    "unclassified",
    "not_observable",
    "stale",
    "removed",
    "advised",
    "exempt",
    "not_in_force",
    "compliant",
    "not_applicable",
    "out_of_scope",
)

#: Machine-readable reasons. ``cannot_enforce`` and ``not_observable`` always carry one; others may.
REASONS: Tuple[str, ...] = (
    "unsupervised",
    "user_enrollment",
    "personal_profile",
    "privacy_setting",
    "no_backend",
    "no_identifier",
    "no_block",
    "detect_only",
    "leftover_kept",
    "not_root",
    "backend_left_out",
    "home_unreadable",
    "place_unreadable",
    "account_unknown",
    "block_overridden",
    "files_remain",
    "still_running",
    "user_installed",
    "no_conditional_access",
    "not_registered",
    "foreign_assignment",
    "awaiting_check_in",
    "old_inventory",
    "source_contradicts",
    "source_unreadable",
    "inventory_incomplete",
    "access_restored",
    "refused_by_device",
    "opted_out",
    "removed",
    "removal_requested",
    "present",
    "check_mode",
    "report_only",
    "not_yet_in_force",
    "under_review",
    "ban_lifted",
    "lift_pending",
    "release_pending",
    "recurrence",
    "refused_protected",
    "refused_dependents",
    "refused_replacement",
    "refused_max_removals",
    "refused_unsolvable",
    "refused_invalid_name",
    "limit_exceeded",
    "error",
)

_REASON_REQUIRED = frozenset(("cannot_enforce", "not_observable"))


@dataclass(frozen=True)
class Outcome:
    """The result for one device and one app.

    Args:
        name: one of :data:`OUTCOMES`.
        reason: one of :data:`REASONS`, or empty where the outcome says it all.
    """

    name: str
    reason: str = ""

    def __post_init__(self) -> None:
        if self.name not in OUTCOMES:
            raise ValueError("unknown outcome %r" % self.name)
        if self.reason and self.reason not in REASONS:
            raise ValueError("unknown reason %r" % self.reason)
        if self.name in _REASON_REQUIRED and not self.reason:
            raise ValueError("outcome %s needs a reason" % self.name)


@dataclass(frozen=True)
class Observation:
    """What a target saw and did for one device and app.

    Args:
        reachable: the device answered at all.
        before: the app was there before the run; None where that could not be looked at.
        after: the app is there after the run; None where that could not be looked at.
        why_not_seen: reason for ``before`` being None.
        removal: ``none``, ``done``, ``requested`` (a queued command), or ``confirmed``: an earlier run asked for it, and the inventory
            that this run read no longer has the app.
        removed_earlier: we removed it from this device before, so finding it again is a recurrence.
        block: ``none``, ``soft`` or ``strong``: the block that stands after the run.
        why_not_blocked: reason for a demanded block that does not stand.
        why_not_removed: reason for a demanded removal that can't be made by this target.
        advised: a notice was given.
        access_withdrawn: work access is withdrawn.
        access_restored: it was withdrawn by an earlier run, and is no longer.
        why_not_withdrawn: reason for a demanded withdrawal of access that this target can't make.
        why_site_open: reason for a demanded block of the site that does not stand.
        no_means: reason for which nothing that is demanded can be done on this device, whatever is there.
        unconfirmed: the device has not contacted its management since what is demanded was assigned to it.
        stale: what is known of the device is too old to rest a claim on.
        unsupported: demanded actions that this target has no means for.
        pending: in check mode, that something would be changed for this app.
        error: reason of a failed or refused run on this device; empty if none.
        unseen: reason for a part of the device that was not looked into, where the app may be although it was not found elsewhere.
        files_remain: files of the app are still there although its package is gone.
        still_running: a process still runs from a file of the app.
        still_held: a control of ours may still be on the device, or may still arrive there, although nothing is demanded any more.
    """

    reachable: bool = True
    before: Optional[bool] = None
    after: Optional[bool] = None
    why_not_seen: str = ""
    removal: str = "none"
    removed_earlier: bool = False
    block: str = "none"
    why_not_blocked: str = ""
    why_not_removed: str = ""
    advised: bool = False
    access_withdrawn: bool = False
    access_restored: bool = False
    why_not_withdrawn: str = ""
    why_site_open: str = ""
    no_means: str = ""
    unconfirmed: bool = False
    stale: bool = False
    unsupported: Tuple[str, ...] = ()
    pending: bool = False
    error: str = ""
    unseen: str = ""
    files_remain: bool = False
    still_running: bool = False
    still_held: bool = False


#: Actions that are carried out by something that has to reach the device before it does anything.
_REACHING = frozenset(("remove", "block", "block_web", "withdraw_access"))
#: Verdicts under which nothing is enforced yet, or not any more -> the reason that says which.
_NOT_IN_FORCE: Mapping[str, str] = {"report_only": "report_only", "pending": "not_yet_in_force", "review": "under_review"}


def judge(decision: Mapping[str, Any], seen: Observation, check_mode: bool = False) -> Outcome:
    """Give one device and app its outcome.

    Args:
        decision: the app's part of a decision in plain form (``verdict``, ``actions``, ``exemption``).
        seen: what the target observed.
        check_mode: the run changed nothing, so what would have been removed is still there.
    """
    verdict = decision["verdict"]
    if verdict in ("out_of_scope", "unclassified", "not_applicable"):
        # A control of ours that was to be taken off there and was not is told, whatever is known of the device.
        return Outcome("failed", seen.error) if seen.error else Outcome(verdict)
    if not seen.reachable:
        return Outcome("unreachable")
    if seen.error:
        return Outcome("failed", seen.error)
    if verdict == "exempt":
        return Outcome("exempt", "release_pending" if seen.still_held else "present" if seen.before else "")
    if verdict == "lifted":
        # Nothing is demanded any more, so nothing was looked for.
        return Outcome("not_in_force", "lift_pending" if seen.still_held else "ban_lifted")
    if verdict != "enforce":
        # Whether the app is there is told by what was seen before, and demands nothing.
        return Outcome("not_in_force", "lift_pending" if seen.still_held else _NOT_IN_FORCE[verdict])
    if seen.before is None:
        if seen.no_means:
            return Outcome("cannot_enforce", seen.no_means)
        return Outcome("not_observable", seen.why_not_seen or "no_backend")
    if seen.stale and not seen.before:
        # "Not found" in an old inventory is not "not there".
        return Outcome("stale", "old_inventory")
    return _enforced(decision, seen, check_mode)


def _enforced(decision: Mapping[str, Any], seen: Observation, check_mode: bool) -> Outcome:
    actions = decision["actions"]
    open_door = _open_door(actions, seen)
    if not seen.before:
        return _enforced_where_absent(actions, seen, open_door, check_mode)
    # Whatever a target says of itself: a run that changed nothing has removed nothing.
    gone = seen.removal == "done" and seen.after is False and not check_mode
    requested = seen.removal == "requested" and not check_mode
    if (decision.get("exemption") or {}).get("state") == "expired":
        return Outcome("exemption_expired", _what_was_done(seen, gone, requested, open_door, check_mode))
    if requested:
        return Outcome("removal_requested", "recurrence" if seen.removed_earlier else "")
    if gone:
        return _not_where_wanted(seen, open_door) or Outcome("recurred" if seen.removed_earlier else "removed")
    if check_mode and seen.pending:
        return Outcome("violating", "check_mode")
    if seen.why_not_removed == "leftover_kept":
        # A file that no package manager knows, and nobody asked for its deletion: no block reaches it.
        return Outcome("violating", seen.why_not_removed)
    if seen.why_not_removed == "detect_only" and "remove" in actions:
        return Outcome("cannot_enforce", seen.why_not_removed)
    if seen.access_withdrawn:
        return Outcome("access_withdrawn")
    if seen.block != "none":
        # A block that has not reached the device keeps nobody from anything yet.
        return Outcome("violating", "awaiting_check_in") if seen.unconfirmed else Outcome("blocked_not_removed", seen.why_not_removed)
    if "remove" in actions or "block" in actions:
        if "withdraw_access" in actions and not seen.why_not_withdrawn and "withdraw_access" not in seen.unsupported:
            # What can't be removed here costs the device its access to work, as soon as it has checked in.
            return Outcome("violating", "awaiting_check_in")
        return Outcome("cannot_enforce", seen.why_not_removed or seen.why_not_blocked or "no_backend")
    if "withdraw_access" in actions and seen.why_not_withdrawn:
        return Outcome("cannot_enforce", seen.why_not_withdrawn)
    if "withdraw_access" in actions and "withdraw_access" not in seen.unsupported:
        # Demanded and set up, but this device has not lost its access yet.
        return Outcome("violating", "awaiting_check_in")
    if "block_web" in actions and seen.why_site_open:
        return Outcome("cannot_enforce", seen.why_site_open)
    if seen.advised:
        return Outcome("advised")
    return Outcome("cannot_enforce", "no_backend") if set(seen.unsupported).intersection(actions) else Outcome("violating")


def _enforced_where_absent(actions: Sequence[str], seen: Observation, open_door: str, check_mode: bool) -> Outcome:
    """The outcome where the app was not there when the run began."""
    unwanted = _not_where_wanted(seen, open_door)
    if unwanted is not None:
        return unwanted
    if check_mode and seen.pending:
        # The app isn't there, but neither is its block yet.
        return Outcome("violating", "check_mode")
    if seen.unconfirmed and not _REACHING.isdisjoint(actions):
        # The app isn't there, and nobody knows whether what keeps it away has reached the device.
        return Outcome("stale", "awaiting_check_in")
    if seen.removal == "confirmed":
        return Outcome("recurred" if seen.removed_earlier else "removed")
    return Outcome("compliant", "access_restored" if seen.access_restored else "")


def _not_where_wanted(seen: Observation, open_door: str) -> Optional[Outcome]:
    """Why a device is not where the policy wants it although the app isn't found on it; None if nothing is missing."""
    if seen.files_remain or seen.still_running:
        # The package is gone from its database, and the app is not gone from the device.
        reason = "files_remain" if seen.files_remain else "still_running"
        return Outcome("blocked_not_removed" if seen.block != "none" else "violating", reason)
    if open_door:
        return Outcome("cannot_enforce", open_door)
    return Outcome("not_observable", seen.unseen) if seen.unseen else None


def _open_door(actions: Sequence[str], seen: Observation) -> str:
    """The reason why the app can come back although the policy blocks it; empty if nothing is missing.

    Removal and block are two results, and so is the block of the site: with one of them missing the device isn't where the
    policy wants it.
    """
    if "block" in actions and seen.block == "none":
        return seen.why_not_blocked or "no_block"
    if "block_web" in actions and seen.why_site_open:
        return seen.why_site_open
    return "no_backend" if "block_web" in actions and "block_web" in seen.unsupported else ""


def _what_was_done(seen: Observation, gone: bool, requested: bool, open_door: str, check_mode: bool) -> str:
    if check_mode and seen.pending:
        return "check_mode"
    if requested:
        return "removal_requested"
    if not gone:
        return "present"
    return open_door or "removed"
