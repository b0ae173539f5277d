"""The chart, rendered by the real helm without a cluster."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def say(line: str) -> None:
    """Past pytest's capture: the first run builds helm for minutes."""
    assert sys.__stderr__ is not None
    sys.__stderr__.write(f"{line}\n")


class Rendered:
    """What a rendering has, by kind and name."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.objects: list[Object] = [body for body in yaml.safe_load_all(text) if body]

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
    """``helm template`` with values over the required ones."""

    def rendered(values: Object | None = None, *options: str, chart: Path = CHART) -> Rendered:
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
        return Rendered(text)

    return rendered
