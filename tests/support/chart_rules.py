"""The accounts, rights and admission policies that the chart makes, to be laid on an API server without the rest."""

import os
import sys
from pathlib import Path
from typing import Any

import yaml

from dev.e2e.helm import CHART, Helm
from dev.e2e.tools import HELM, locate_tool

KINDS = {
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
}


def chart_rules(folder: Path, namespace: str, values: dict[str, Any], *served: str) -> list[dict[str, Any]]:
    """What ``helm template`` with these values makes of KINDS in this namespace, without the hooks' own; ``served`` are
    kinds that the cluster has beyond those that Helm takes for granted.

    The API server of the tests has no namespace controller: a namespace that is deleted there stays Terminating for
    ever, so each test takes a name of its own and leaves it.
    """
    helm = Helm(locate_tool(HELM, os.environ, lambda line: print(line, file=sys.__stderr__)), None, folder)
    images = {
        name: {"image": {"repository": f"example.org/powercap-{name}"}} for name in ("operator", "agent")
    }
    values = {**images, "policy": {"create": False}, **values}
    command = ["template", "powercap", str(CHART), "-n", namespace]
    command += [f"--api-versions={kind}" for kind in served]
    rendered = yaml.safe_load_all(helm(*command, values=values))
    bodies = [body for body in rendered if body and body["kind"] in KINDS]
    return [body for body in bodies if "helm.sh/hook" not in body["metadata"].get("annotations", {})]
