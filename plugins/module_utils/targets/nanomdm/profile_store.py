# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put configuration profiles where a web server of the user's gives them to devices.

A declaration of the type com.apple.configuration.legacy carries no profile but the https URL of one. The name of a file holds a digest of
its content: another content has another URL, so the declaration changes and devices fetch it again, and a device never gets half a profile
or one that doesn't belong to its declaration.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass

from ...engine.errors import AppbanError, WriteInCheckMode
from .objects import HostedProfile

SUFFIX = ".mobileconfig"
DIGEST_DIGITS = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OURS = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)-(?P<digest>[0-9a-f]{%d})%s" % (DIGEST_DIGITS, re.escape(SUFFIX)))


@dataclass(frozen=True)
class ProfileStore:
    """A directory, and the URL under which it is served.

    Args:
        directory: must exist; others may put files there, too.
        url: https, of that directory.
        prefix: names of ours begin with it, and a dot follows; nothing else is ever listed or deleted.
        check_mode: whether writes are refused.

    Raises:
        AppbanError: for a URL that devices don't take, or a prefix that is no name.
    """

    directory: str
    url: str
    prefix: str
    check_mode: bool

    def __post_init__(self) -> None:
        if not self.url.startswith("https://") or any(mark in self.url for mark in "?#@") or len(self.url) < len("https://x"):
            raise AppbanError(
                "profile_url must be an https URL without user name and query", "", "Devices fetch profiles from nothing else"
            )
        if not _NAME.fullmatch(self.prefix):
            raise AppbanError("the prefix of profiles must be a file name", repr(self.prefix), "Choose one such as org.example.ban")

    def place(self, name: str, content: bytes) -> HostedProfile:
        """Where a profile has its place; nothing is written.

        Args:
            name: PREFIX.SLUG.
            content: the profile, byte for byte the same for the same purpose.
        """
        if not _NAME.fullmatch(name) or not name.startswith(self.prefix + "."):
            raise AppbanError("a profile needs a name that begins with %s. and is a file name" % self.prefix, repr(name), "Rename it")
        file = "%s-%s%s" % (name, hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS], SUFFIX)
        return HostedProfile(name, file, self._url_of(file))

    def holds(self, name: str, content: bytes) -> bool:
        """Whether the file is there and whole."""
        try:
            with open(os.path.join(self.directory, self.place(name, content).file), "rb") as handle:
                return handle.read(len(content) + 1) == content
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._failure("read a profile", error) from error

    def put(self, name: str, content: bytes) -> bool:
        """Write a profile, in one step: a device that fetches it meanwhile gets all of it or none.

        Returns:
            Whether it wasn't there yet.

        Raises:
            WriteInCheckMode, AppbanError
        """
        if self.holds(name, content):
            return False
        self._refuse_in_check_mode()
        path = os.path.join(self.directory, self.place(name, content).file)
        temporary = ""
        try:
            descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.directory)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(content)
                # The web server runs as somebody else.
                os.fchmod(handle.fileno(), 0o644)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        except OSError as error:
            if temporary and os.path.exists(temporary):
                os.unlink(temporary)
            raise self._failure("write a profile", error) from error
        return True

    def ours(self) -> tuple[HostedProfile, ...]:
        """Our files, sorted.

        Raises:
            AppbanError: for a directory that can't be read.
        """
        try:
            files = sorted(os.listdir(self.directory))
        except OSError as error:
            raise self._failure("list the profiles", error) from error
        return tuple(HostedProfile(self._name_in(file), file, self._url_of(file)) for file in files if self._name_in(file))

    def delete(self, file: str) -> bool:
        """Delete one of our files, once no declaration names it any more.

        Returns:
            Whether it was there.

        Raises:
            WriteInCheckMode
            AppbanError: also for a file that isn't ours.
        """
        if not self._name_in(file):
            raise AppbanError("a file that isn't ours was about to be deleted", repr(file), "Please report this; nothing was deleted")
        self._refuse_in_check_mode()
        try:
            os.unlink(os.path.join(self.directory, file))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._failure("delete a profile", error) from error
        return True

    def _name_in(self, file: str) -> str:
        """The name of the profile in a file of ours; empty for a file of somebody else."""
        match = _OURS.fullmatch(file)
        return match["name"] if match and match["name"].startswith(self.prefix + ".") else ""

    def _url_of(self, file: str) -> str:
        return "%s/%s" % (self.url.rstrip("/"), file)

    def _refuse_in_check_mode(self) -> None:
        if self.check_mode:
            raise WriteInCheckMode(
                "A profile was about to be written in check mode", self.directory, "Nothing was changed; please report this"
            )

    def _failure(self, what: str, error: OSError) -> AppbanError:
        return AppbanError(
            "Failed to %s: %s" % (what, error.strerror or error), self.directory, "Check profile_dir and who may write there"
        )
