# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where NanoMDM's PostgreSQL database is, put into the environment of ``psql``, so that no password is ever on a command line.

The form is libpq's (PostgreSQL documentation, "Connection Strings" and "Environment Variables").
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from ....engine.errors import AppbanError
from ....mdm.http.redaction import Redactor

#: Parameter of a connection string -> environment variable with the same meaning.
VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "channel_binding": "PGCHANNELBINDING",
    "krbsrvname": "PGKRBSRVNAME",
    "gssencmode": "PGGSSENCMODE",
}
_SETTING = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)", re.DOTALL)
_NEXT_STEP = "Give enrollments_sql as postgresql://USER:PASSWORD@HOST/DATABASE, or as host=... dbname=... user=... password=..."


def login_environment(dsn: str, redactor: Redactor) -> dict[str, str]:
    """The environment variables that stand for a connection string; the redactor knows its password from now on.

    Args:
        dsn: a URL, or pairs of names and values.

    Raises:
        AppbanError: for one that can't be read; the message repeats nothing of it but names of parameters.
    """
    if dsn.startswith(("postgresql://", "postgres://")):
        values = _url_values(dsn)
    else:
        values = _pair_values(dsn)
    redactor.learn(values.get("password"))
    unknown = sorted(set(values) - set(VARIABLES))
    if unknown:
        raise AppbanError("The connection string has parameters that psql can't be told safely", ", ".join(unknown), "Leave them out")
    if not values.get("dbname") and not values.get("service"):
        raise AppbanError("The connection string names no database", "", _NEXT_STEP)
    return {VARIABLES[name]: value for name, value in values.items() if value}


def _url_values(dsn: str) -> dict[str, str]:
    try:
        parts = urlsplit(dsn)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise AppbanError("The connection string is not a URL that can be read", "", _NEXT_STEP) from None
    login, _at, place = parts.netloc.rpartition("@")
    user, _colon, password = login.partition(":")
    # Several hosts, separated by commas, are libpq's own addition, so the port is split off by hand.
    hosts, ports = [], []
    for one in place.split(",") if place else []:
        found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", one)
        if not found:
            raise AppbanError("The connection string has a host that can't be read", "", _NEXT_STEP)
        hosts.append(unquote(found[1].strip("[]")))
        ports.append(found[2] or "")
    values = {"user": unquote(user), "password": unquote(password), "host": ",".join(hosts), "dbname": unquote(parts.path[1:])}
    values["port"] = ",".join(ports) if any(ports) else ""
    return {name: value for name, value in {**values, **dict(query)}.items() if value}


def _pair_values(dsn: str) -> dict[str, str]:
    values: dict[str, str] = {}
    position = 0
    while dsn[position:].strip():
        found = _SETTING.match(dsn, position)
        if not found:
            raise AppbanError("The connection string is neither a URL nor pairs of names and values", "", _NEXT_STEP)
        value = found[3] if found[2] is None else found[2]
        values[found[1]] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        position = found.end()
    return values
