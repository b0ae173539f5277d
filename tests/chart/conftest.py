"""The chart, rendered by the real helm: without a cluster, and on a real API server."""

import json
import os
import re
import ssl
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.e2e.helm import CHART, Helm
from dev.e2e.tools import HELM, locate_tool

Object = dict[str, Any]
Render = Callable[..., "Rendered"]
REQUIRED: Object = {
    "operator": {"image": {"repository": "example.org/powercap-operator"}},
    "agent": {"image": {"repository": "example.org/powercap-agent"}},
    "policy": {"maxSource": "140"},
}
"""What a person must say."""

NETWORK_POLICY: Object = {"enabled": True, "apiServerCidrs": ["10.1.2.3/32"]}


class StrictLoader(yaml.CSafeLoader):
    """Refuses a key that stands twice in a mapping, as Kustomize and Flux do, and PyYAML does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(problem=f"{twice} twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


@cache
def _read(document: str) -> Object | None:
    """One document, which nobody changes: most are the same in all renderings, and the kinds take long to read."""
    found: Object | None = yaml.load(document, StrictLoader)  # noqa: S506 - a SafeLoader
    return found


class Rendered:
    """What a rendering has, by kind and name."""

    def __init__(self, text: str, notes: str = "") -> None:
        self.text = text
        self.notes = notes
        documents = re.split(r"^---$", text, flags=re.MULTILINE)
        self.objects: list[Object] = [body for document in documents if (body := _read(document))]

    def all(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [body for body in self.objects if body["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        """The object of that kind and name."""
        (found,) = [body for body in self.all(kind) if body["metadata"]["name"] == name]
        return found

    @property
    def operator(self) -> Object:
        """The pod template of the operator."""
        template: Object = self.one("Deployment", "powercap-operator")["spec"]["template"]
        return template

    @property
    def agent(self) -> Object:
        """The pod template of the agent."""
        template: Object = self.one("DaemonSet", "powercap-agent")["spec"]["template"]
        return template

    @property
    def pods(self) -> dict[str, Object]:
        """Every pod template, and pod, by kind and name."""
        found = {}
        for body in self.objects:
            name = f"{body['kind']}/{body['metadata']['name']}"
            if body["kind"] == "Pod":
                found[name] = body
            elif body["kind"] in {"Deployment", "DaemonSet", "Job"}:
                found[name] = body["spec"]["template"]
        return found


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm, built once."""
    return Helm(locate_tool(HELM, os.environ, say), None, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def required(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A values file with what a person must say, and nothing else."""
    file = tmp_path_factory.mktemp("values") / "required.yaml"
    file.write_text(yaml.safe_dump(REQUIRED))
    return file


@pytest.fixture(scope="session")
def render(helm: Helm, required: Path) -> Render:
    """``helm template`` with values over the required ones; the same values are rendered once."""
    known: dict[str, Rendered] = {}

    def rendered(values: Object | None = None, *options: str, chart: Path = CHART) -> Rendered:
        key = json.dumps([values or {}, options, str(chart)])
        if key in known:
            return known[key]
        text = helm(
            "template",
            "powercap",
            str(chart),
            "--namespace",
            "powercap-system",
            "--values",
            str(required),
            *options,
            values=values or {},
        )
        known[key] = Rendered(text)
        return known[key]

    return rendered


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server without our kinds, on which nothing is ever installed."""
    root = tmp_path_factory.mktemp("server")
    with ControlPlane(locate(os.environ, say, least=True), root, controller_manager=False) as found:
        yield found


@pytest.fixture(scope="session")
def render_on_server(
    server: ControlPlane, required: Path, tmp_path_factory: pytest.TempPathFactory
) -> Render:
    """What ``helm install`` would install on a server, hooks and notes with it, with values over the required ones."""
    helm = Helm(locate_tool(HELM, os.environ, say), server.kubeconfig, tmp_path_factory.mktemp("helm"))

    def rendered(values: Object | None = None, *options: str, chart: Path = CHART) -> Rendered:
        command = ("install", "powercap", str(chart), "--namespace", "powercap-system", "--dry-run=server")
        text = helm(*command, "--output", "json", "--values", str(required), *options, values=values or {})
        release = json.loads(text)
        manifests = [release["manifest"], *(hook["manifest"] for hook in release["hooks"])]
        return Rendered("\n---\n".join(manifests), release["info"]["notes"])

    return rendered


def admin_client(plane: ControlPlane) -> httpx.Client:
    """Requests to a control plane by somebody who may do everything."""
    return httpx.Client(
        base_url=plane.url,
        headers={"Authorization": f"Bearer {plane.admin_token}"},
        verify=ssl.create_default_context(cafile=str(plane.ca_file)),
        timeout=30,
    )
