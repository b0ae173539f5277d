"""etcd's own administration, by the JSON gateway that it serves beside gRPC."""

import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any, Final

from dev.cluster.pki import Pair

_SECONDS: Final = 10.0


class Etcd:
    """The etcd of a control plane, as the API server's user."""

    def __init__(self, root: Path) -> None:
        """``root`` is the control plane's folder, in which it must have been started once."""
        port = json.loads((root / "ports.json").read_text(encoding="utf-8"))["etcd"]
        pki = root / "pki"
        pair = Pair(pki / "etcd-client.crt", pki / "etcd-client.key")
        self._url = f"https://127.0.0.1:{port}/v3"
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pair.public, pair.private)

    def set_full(self, *, full: bool) -> None:
        """Raise or lower the alarm of a used up quota, at which etcd refuses every write."""
        action = "ACTIVATE" if full else "DEACTIVATE"
        self._post("maintenance/alarm", {"action": action, "memberID": self._member(), "alarm": "NOSPACE"})

    def _member(self) -> str:
        return str(self._post("maintenance/status", {})["header"]["member_id"])

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - always https
            f"{self._url}/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_SECONDS, context=self._tls) as answer:  # noqa: S310
            return json.loads(answer.read())
