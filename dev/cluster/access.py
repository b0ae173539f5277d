"""Who may come in: tokens for the API server's file, and kubeconfigs."""

import base64
import csv
import io
import json
import secrets
from pathlib import Path

from dev.cluster.pki import Pair, write_secret

ADMIN = "admin"
_USERS = {
    ADMIN: "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}
"""User to groups. The components are the users that RBAC's own roles are bound to, as in any cluster."""


def tokens(file: Path) -> dict[str, str]:
    """Token by user, from the API server's token file, made at first use and then kept."""
    if not file.exists():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [secrets.token_urlsafe(32), user, user, groups] for user, groups in _USERS.items()
        )
        write_secret(file, text.getvalue().encode())
    with file.open(newline="") as handle:
        return {user: token for token, user, *_ in csv.reader(handle)}


def write_kubeconfig(file: Path, url: str, authority: Path, credentials: str | Pair) -> None:
    """For a token or a client certificate. Everything is inside of it, so that it can be moved and mounted.

    JSON, which is YAML too.
    """
    if isinstance(credentials, Pair):
        user = {
            "client-certificate-data": _encoded(credentials.public),
            "client-key-data": _encoded(credentials.private),
        }
    else:
        user = {"token": credentials}
    name = "powercap"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": url, "certificate-authority-data": _encoded(authority)}}
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    write_secret(file, json.dumps(content, indent=2).encode())


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
