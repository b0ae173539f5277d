"""The pods of helm test and helm uninstall, and the names that they look for."""

import json

from tests.chart.conftest import NETWORK_POLICY, Render, Rendered


def test_uninstall_and_test(render: Render) -> None:
    rendered = render({"uninstall": {"timeoutSeconds": 77}, "test": {"timeoutSeconds": 66}})
    assert '"77"' in json.dumps(rendered.pods["Job/powercap-uninstall"])
    assert '"66"' in json.dumps(rendered.pods["Pod/powercap-test"])
    assert "powercap-uninstall" not in render({"uninstall": {"restore": False}}).text


def test_only_the_job_of_the_uninstall_is_a_hook(render: Render) -> None:
    """Its account goes with the release, whatever becomes of the hook and whichever Helm it is."""
    rendered = render({"networkPolicy": NETWORK_POLICY})
    found = {
        body["kind"]: body["metadata"].get("annotations", {}).get("helm.sh/hook")
        for body in rendered.objects
        if body["metadata"]["name"] == "powercap-uninstall"
    }
    assert found == {
        "ServiceAccount": None,
        "Role": None,
        "RoleBinding": None,
        "ClusterRole": None,
        "ClusterRoleBinding": None,
        "NetworkPolicy": None,
        "Job": "pre-delete",
    }


def test_names_can_be_overridden(render: Render) -> None:
    for values, name in (
        ({"fullnameOverride": "pc"}, "pc"),
        ({"nameOverride": "caps"}, "powercap-caps"),
    ):
        names = {body["metadata"]["name"] for body in render(values).all("Deployment")}
        assert names == {f"{name}-operator"}


def test_the_test_program_looks_for_the_names_that_there_are(render: Render) -> None:
    rendered: Rendered = render({"fullnameOverride": "pc"})
    environment = {
        entry["name"]: entry["value"]
        for entry in rendered.pods["Pod/pc-test"]["spec"]["containers"][0]["env"]
    }
    assert rendered.one("Deployment", f"{environment['POWERCAP_NAME']}-operator")
    assert rendered.one("DaemonSet", f"{environment['POWERCAP_NAME']}-agent")
