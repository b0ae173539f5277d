"""Which versions of Kubernetes the chart states, and what it does on one: on the version of this run, and on others."""

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from dev.cluster.binaries import locate
from dev.cluster.build import NEWEST, versions
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.e2e.helm import CHART, Helm, HelmError
from dev.e2e.tools import HELM, locate_tool

REPOSITORY = Path(__file__).parents[2]
INSTALL = ("install", "powercap", str(CHART), "--namespace", "powercap-system", "--create-namespace")
NEWEST_ANNOTATION = "powercap.dev/newest-kubernetes"


def test_the_chart_and_the_documentation_state_the_versions_that_can_be_run() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["kubeVersion"] == f">={versions()[0]}.0-0"
    assert chart["annotations"][NEWEST_ANNOTATION] == NEWEST == versions()[-1]
    table = re.findall(
        r"^\| (1\.\d+)\.\d+ \|", (REPOSITORY / "docs" / "install.md").read_text(), re.MULTILINE
    )
    assert table == versions()
    assert f"was run on {versions()[0]} to" in (CHART / "templates" / "NOTES.txt").read_text()


def test_helm_installs_it_on_this_server(required: Path, tmp_path: Path) -> None:
    """Nothing runs the pods here; kinds, rules, admission policy and the first policy are all there."""
    with ControlPlane(
        locate(os.environ, say, least=True), tmp_path / "plane", controller_manager=False
    ) as plane:
        helm = Helm(locate_tool(HELM, os.environ, say), plane.kubeconfig, tmp_path)
        helm(*INSTALL, "--values", str(required))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        assert plane.kubectl("get", "powerpolicies", "-o", "name").split() == [
            "powerpolicy.powercap.dev/default"
        ]
        found = plane.kubectl("get", "daemonsets,deployments", "-n", "powercap-system", "-o", "name").split()
        assert found == ["daemonset.apps/powercap-agent", "deployment.apps/powercap-operator"]
        assert "powercap-own-node" in plane.kubectl("get", "validatingadmissionpolicies", "-o", "name")


class OldServer(BaseHTTPRequestHandler):
    """An API server of an older version, as far as Helm asks one before it installs: which version it is."""

    def do_GET(self) -> None:
        answers = {
            "/version": {"major": "1", "minor": "29", "gitVersion": "v1.29.14"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
        }
        known = answers.get(self.path.partition("?")[0])
        body = json.dumps(known or {"kind": "Status", "status": "Failure", "code": 404}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (as in the base class)
        """Nothing: the test reads what Helm says."""


@pytest.fixture
def old_server(tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig for a server of 1.29, which knows nothing but GET."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OldServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kubeconfig = tmp_path / "kubeconfig"
        context = {"name": "old", "context": {"cluster": "old", "user": "old"}}
        cluster = {"name": "old", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        kubeconfig.write_text(
            json.dumps({"contexts": [context], "clusters": [cluster], "users": [], "current-context": "old"})
        )
        yield kubeconfig
        server.shutdown()


def test_an_older_server_is_refused_with_a_sentence(old_server: Path, required: Path, tmp_path: Path) -> None:
    helm = Helm(locate_tool(HELM, os.environ, say), old_server, tmp_path)
    with pytest.raises(HelmError) as refusal:
        helm(*INSTALL, "--values", str(required))
    said = "chart requires kubeVersion: >=1.30.0-0 which is incompatible with Kubernetes v1.29.14"
    assert said in str(refusal.value)
    assert "CustomResourceDefinition" not in str(refusal.value)


@pytest.mark.parametrize(("newest", "warned"), [("1.29", True), ("1.99", False)])
def test_notes_say_that_a_newer_server_was_not_tried(
    helm: Helm, required: Path, tmp_path: Path, newest: str, warned: bool
) -> None:
    chart = tmp_path / "powercap"
    shutil.copytree(CHART, chart)
    file = chart / "Chart.yaml"
    file.write_text(
        file.read_text().replace(f'{NEWEST_ANNOTATION}: "{NEWEST}"', f'{NEWEST_ANNOTATION}: "{newest}"')
    )
    options = ("--dry-run=client", "--values", str(required), "--output", "json")
    notes = json.loads(helm("install", "powercap", str(chart), *options))["info"]["notes"]
    assert (f"was run on 1.30 to {newest}, and not on newer" in notes) == warned
