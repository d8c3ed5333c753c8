# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that every target module has; ``module_utils/mdm/run/options.py`` has their argument spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  policy:
    description:
      - What the lookup P(appban.endpoint.policy#lookup) gives for one policy, or a list of several.
    type: raw
    required: true
  now:
    description: The instant to decide at, ISO 8601 with an offset. By default the clock.
    type: str
  assets:
    description:
      - File of asset facts keyed by serial number (CSV, YAML or JSON). It is read here, so that a large one never passes through a
        variable.
    type: path
  evidence_dir:
    description: Directory of the evidence, of the ledger and, for a tenant that has no message to users, of the outbox of notices. Keep it
      between runs; the ledger remembers which notices were sent. An empty one is refused.
    type: path
    default: ./evidence
  evidence:
    description: V(exceptions) leaves out rows that need nobody's attention but counts them. V(all) keeps every row.
    type: str
    choices: [exceptions, all]
    default: exceptions
  run_id:
    description: Id of the run, if several targets share one. By default it is made of the instant.
    type: str
  target:
    description: Name of the evidence record and of the ledger. Give each tenant its own.
    type: str
  limits:
    description: Replaces the limits of the policies. A run that would affect more devices for the first time stops before any write.
    type: dict
    suboptions:
      max_devices:
        description: Most devices that one run may affect for the first time.
        type: int
      max_percent:
        description: The same as a percentage of the devices of the run.
        type: float
  accept_fleet_size:
    description:
      - The exact number of devices of a fleet that has become much shorter since the last run, as a confirmation that the others have left.
      - Without it such a run stops before any write, because a list that comes short must not pass for the fleet.
    type: int
    version_added: 0.3.0
  provenance:
    description: Who runs it, from what, for the header of the record. The role fills it in; what is left out is taken from the process.
    type: dict
    version_added: 0.3.0
    suboptions:
      user:
        description: Account on the controller.
        type: str
      host:
        description: Name of the controller.
        type: str
      job:
        description: Id of the job of an automation controller or pipeline.
        type: str
      commit:
        description: Commit of the repository that the policies are in.
        type: str
      clock:
        description: The wall clock in UTC.
        type: str
      now_given:
        description: Whether the run's instant was given by somebody and is not the clock's.
        type: bool
  stale_after:
    description: Days since the look at a device's apps after which "not found" is V(stale) and not V(compliant).
    type: int
    default: 30
  notice:
    description:
      - Text of the notices that C(advise) sends. Placeholders are C({apps}), C({authority}), C({deadline}), C({contact}) and
        C({policy_title}), in the body also the ready sentences C({deadline_sentence}) and C({contact_sentence}).
      - A notice goes to staff, so nothing of a policy's notes, sources or exemptions can be in it.
    type: dict
    suboptions:
      title:
        description: Its title.
        type: str
        default: Please remove {apps}
      body:
        description: Its text.
        type: str
        default: "{authority} asks you to remove {apps} from this device if you have it.{deadline_sentence}{contact_sentence}"
      addition:
        description: A sentence of your own at its end.
        type: str
        default: ''
"""

    CONNECTION = r"""
options:
  validate_certs:
    description: Whether the servers' certificates are checked.
    type: bool
    default: true
  ca_path:
    description: File or directory of certificate authorities to trust instead of the public ones.
    type: path
  proxy:
    description: URL of a proxy. By default the variables C(HTTPS_PROXY) and C(NO_PROXY) of the environment count.
    type: str
  timeout:
    description:
      - Seconds to wait for a connection, and between two pieces of an answer. An answer that keeps coming in small pieces is ended by
        O(deadline) at the latest.
    type: float
    default: 30.0
  deadline:
    description:
      - Seconds that all requests of a run together may take, waiting for a throttled server included. A request that is under way when
        they are over is broken off, whatever the server still sends.
    type: float
    default: 1800.0
  progress_file:
    description:
      - A file, which has to be there, that gets a line of JSON for each wait, for each request that has no answer after five seconds, and
        for how far long reads and writes are. Without it nothing is written. A file that can't be written stops nothing.
      - Without this option the action plugin of the same name gives a file of its own and shows what is in it, on a terminal at most one
        line a second, in a log at most one a minute. It does so where the module runs on the controller, not in the background, and
        without C(no_log).
    type: path
"""
