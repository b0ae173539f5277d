"""Which API server a person works with, and as whom: kubeconfig files, read as kubectl reads them.

Of several files the first that names something counts. Relative paths in a file are below its folder. Tokens, files of
tokens, certificates, passwords and programs that bring credentials (``exec``) are followed; of the old auth providers
none is.
"""

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from .impersonation import NOBODY_ELSE, Impersonation, ImpersonationError

_EXEC_SECONDS: Final = 60.0
Entry = dict[str, Any]


class KubeconfigError(Exception):
    """There is no kubeconfig, or nothing of use in it; the message says what."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How the API server is reached."""

    server: str
    tls: ssl.SSLContext
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """What says who asks, and as whom. One may stand several times."""
    basic: tuple[str, str] | None = field(default=None, repr=False)
    server_name: str | None = None
    """The name in the server's certificate, where it is another than the address."""
    proxy: str | None = None


def read_connection(
    file: str | None, context: str | None, environ: Mapping[str, str], acts_as: Impersonation = NOBODY_ELSE
) -> Connection:
    """The connection of a context (default: the current one); ``file`` None stands for KUBECONFIG or ~/.kube/config.

    ``acts_as`` counts over what the kubeconfig says.

    Raises:
        KubeconfigError: there is none, or it cannot be used.
    """
    home = Path(environ.get("HOME", "~")).expanduser()
    paths = [file] if file else [one for one in environ.get("KUBECONFIG", "").split(os.pathsep) if one]
    files = [Path(path).expanduser() for path in paths or [str(home / ".kube" / "config")]]
    found = [one for one in map(_read, files) if one]
    if not found:
        raise KubeconfigError(
            f"there is no kubeconfig at {', '.join(map(str, files))}: set KUBECONFIG, or say --kubeconfig FILE"
        )
    name = context or next((one["current-context"] for one in found if one.get("current-context")), None)
    if name is None:
        raise KubeconfigError("the kubeconfig has no current context: say --context")
    chosen = _named(found, "contexts", "context", name)
    cluster = _named(found, "clusters", "cluster", chosen.get("cluster"))
    user = _named(found, "users", "user", chosen["user"]) if chosen.get("user") else {}
    if not isinstance(cluster.get("server"), str):
        raise KubeconfigError(f"the kubeconfig's cluster {chosen.get('cluster')} has no server")
    try:
        impersonating = tuple(acts_as.over(Impersonation.of(user)).headers())
    except ImpersonationError as error:
        raise KubeconfigError(str(error)) from error
    if "exec" in user:
        user = {**user, **_from_program(user["exec"], cluster, environ)}
    if "auth-provider" in user:
        raise KubeconfigError("the kubeconfig's auth-provider is not supported: use an exec plugin")
    return Connection(
        server=cluster["server"].rstrip("/"),
        tls=_tls(cluster, user),
        headers=(*_headers(user), *impersonating),
        basic=(user["username"], user.get("password", "")) if user.get("username") else None,
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
    )


def _read(path: Path) -> Entry:
    """The file, with absolute paths; empty where there is none."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - a safe loader
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise KubeconfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise KubeconfigError(f"{path} is no kubeconfig")
    for list_name, inner in (("clusters", "cluster"), ("users", "user")):
        for entry in found.get(list_name) or ():
            values = entry.get(inner) or {}
            for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
                if values.get(key):
                    values[key] = str(path.parent / values[key])
            if inner == "user" and os.sep in str((values.get("exec") or {}).get("command", "")):
                values["exec"]["command"] = str(path.parent / values["exec"]["command"])
    return found


_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _named(documents: list[Entry], list_name: str, inner: str, name: object) -> Entry:
    for document in documents:
        for entry in document.get(list_name) or ():
            if isinstance(entry, dict) and entry.get("name") == name:
                return dict(entry.get(inner) or {})
    raise KubeconfigError(f"the kubeconfig has no {inner} {name}")


def _from_program(spec: Entry, cluster: Entry, environ: Mapping[str, str]) -> Entry:
    """The credentials that a program prints, as a user of a kubeconfig."""
    extra = {one["name"]: one["value"] for one in spec.get("env") or ()}
    told: Entry = {"interactive": False}
    if spec.get("provideClusterInfo"):
        told["cluster"] = {"server": cluster["server"]}
        if "certificate-authority-data" in cluster:
            told["cluster"]["certificate-authority-data"] = cluster["certificate-authority-data"]
    info = {"apiVersion": spec.get("apiVersion"), "kind": "ExecCredential", "spec": told}
    command = [spec.get("command", ""), *(spec.get("args") or ())]
    try:
        ended = subprocess.run(
            command,
            env={**environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdout=subprocess.PIPE,
            check=True,
            timeout=_EXEC_SECONDS,
        )
        status = json.loads(ended.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise KubeconfigError(
            f"the kubeconfig's program {command[0]} gives no credentials: {error}"
        ) from error
    names = {"token": "token", "clientCertificateData": "certificate", "clientKeyData": "key"}
    return {name: status[key] for key, name in names.items() if status.get(key)}


def _headers(user: Entry) -> list[tuple[str, str]]:
    token = user.get("token")
    if user.get("tokenFile"):
        try:
            token = Path(user["tokenFile"]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise KubeconfigError(f"the kubeconfig's token cannot be read: {error}") from error
    return [] if token is None else [("Authorization", f"Bearer {token}")]


def _tls(cluster: Entry, user: Entry) -> ssl.SSLContext:
    """Authorities without key identifiers (RFC 5280, 4.2.1) are accepted, as kubectl does."""
    try:
        authority = _text(cluster, "certificate-authority")
        tls = ssl.create_default_context(cadata=authority)
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if cluster.get("insecure-skip-tls-verify"):
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        certificate = user.get("certificate") or _text(user, "client-certificate")
        key = user.get("key") or _text(user, "client-key")
        if certificate and key:
            with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:  # OpenSSL reads files only; 0600
                file.write(f"{certificate}\n{key}\n")
                file.flush()
                tls.load_cert_chain(file.name)
    except (OSError, ValueError) as error:
        raise KubeconfigError(f"the kubeconfig's certificates cannot be used: {error}") from error
    return tls


def _text(entry: Entry, name: str) -> str | None:
    """What a field holds: in the file itself as base64, or in a file that it names."""
    if entry.get(f"{name}-data"):
        return base64.b64decode(entry[f"{name}-data"]).decode("ascii")
    return Path(entry[name]).read_text(encoding="ascii") if entry.get(name) else None
