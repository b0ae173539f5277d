"""The pods of helm test and helm uninstall, and the names that they look for."""

import json

from tests.chart.conftest import NETWORK_POLICY, Object, Render, Rendered

ALWAYS: Object = {"uninstall": {"alwaysRender": True}}


def test_only_helm_itself_gets_what_must_not_be_applied_like_any_other_object(
    render: Render, render_on_server: Render
) -> None:
    """Programs that take a hook for an object would release every node, and set a person's policy back."""
    template, install = render(), render_on_server()
    assert (template.all("Job"), template.all("PowerPolicy")) == ([], [])
    assert install.one("Job", "powercap-uninstall")
    assert install.one("PowerPolicy", "default")
    left = {body["kind"] for body in template.objects}
    assert {"CustomResourceDefinition", "DaemonSet", "Deployment", "ServiceAccount"} <= left


def test_the_job_can_be_wanted_in_what_is_rendered(render: Render) -> None:
    rendered = render(ALWAYS)
    assert rendered.all("PowerPolicy") == []
    (container,) = rendered.pods["Job/powercap-uninstall"]["spec"]["containers"]
    assert "POWERCAP_RELEASE" not in {entry["name"] for entry in container["env"]}
    never = {"uninstall": {"alwaysRender": True, "restore": False}}
    assert "powercap-uninstall" not in render(never).text


def test_the_job_can_tell_an_uninstall(render_on_server: Render) -> None:
    """By a hook that no uninstall makes, under the name that the job looks for, made before it."""
    rendered = render_on_server()
    kinds = [body["kind"] for body in rendered.objects]
    assert kinds.index("ConfigMap") < kinds.index("Job")
    (container,) = rendered.pods["Job/powercap-uninstall"]["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    mark = rendered.one("ConfigMap", environment["POWERCAP_UNINSTALL_NAME"])
    assert mark["metadata"]["annotations"]["helm.sh/hook"] == "pre-rollback"
    assert "hook-succeeded" in mark["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert rendered.one("ServiceAccount", environment["POWERCAP_UNINSTALL_NAME"])
    assert environment["POWERCAP_RELEASE"] == "powercap"
    rules = rendered.one("Role", "powercap-uninstall")["rules"]
    assert {
        "apiGroups": [""],
        "resources": ["serviceaccounts", "configmaps"],
        "resourceNames": ["powercap-uninstall"],
        "verbs": ["get"],
    } in rules


def test_seconds_to_wait(render: Render) -> None:
    rendered = render(
        {"uninstall": {"timeoutSeconds": 77, "alwaysRender": True}, "test": {"timeoutSeconds": 66}}
    )
    assert '"77"' in json.dumps(rendered.pods["Job/powercap-uninstall"])
    assert '"66"' in json.dumps(rendered.pods["Pod/powercap-test"])


def test_only_the_job_of_the_uninstall_is_a_hook(render_on_server: Render) -> None:
    """Its account goes with the release, whatever becomes of the hook and whichever Helm it is."""
    rendered = render_on_server({"networkPolicy": NETWORK_POLICY})
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
        "ConfigMap": "pre-rollback",
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
