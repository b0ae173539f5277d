"""What a person must say and is told at the first install: kinds, policy, images, notes."""

import json
from pathlib import Path

import pytest
import yaml

from dev.e2e.helm import CHART, Helm, HelmError
from tests.chart.conftest import REQUIRED, Render, Rendered


def test_kinds_are_templates_that_are_kept_or_not(render: Render, helm: Helm) -> None:
    del helm
    keep = "helm.sh/resource-policy"
    assert [crd["metadata"]["annotations"][keep] for crd in render().all("CustomResourceDefinition")] == [
        "keep"
    ] * 6
    for crd in render({"crds": {"keep": False}}).all("CustomResourceDefinition"):
        assert keep not in crd["metadata"].get("annotations", {})
    assert not render({"crds": {"enabled": False}}).all("CustomResourceDefinition")


def test_the_chart_s_kinds_are_the_generated_ones(render: Render) -> None:
    generated = {
        body["metadata"]["name"]: body["spec"]
        for file in (CHART.parents[1] / "crds").glob("*.yaml")
        if (body := yaml.safe_load(file.read_text()))
    }
    rendered = render().all("CustomResourceDefinition")
    assert {crd["metadata"]["name"]: crd["spec"] for crd in rendered} == generated


def test_the_first_policy(render_on_server: Render) -> None:
    hook = render_on_server().one("PowerPolicy", "default")
    # Argo CD runs Helm's hooks at every sync: it would make a policy anew that a person has edited.
    assert hook["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install,post-upgrade",
        "argocd.argoproj.io/hook": "Skip",
    }
    assert hook["spec"]["maxSource"] == "140"
    values = {
        "policy": {
            "name": "nightly",
            "maxSource": 90,
            "minPower": 12.5,
            "market": {"area": "DE-LU", "auction": "SDAC"},
            "dryRun": True,
            "spec": {"nodeSelector": {"pool": "batch"}},
        }
    }
    assert render_on_server(values).one("PowerPolicy", "nightly")["spec"] == {
        "maxSource": "90",
        "minPower": "12.5",
        "market": {"area": "DE-LU", "auction": "SDAC"},
        "dryRun": True,
        "nodeSelector": {"pool": "batch"},
    }
    shares = {"policy": {"maxSource": "80%", "minPower": "20%"}}
    assert render_on_server(shares).one("PowerPolicy", "default")["spec"]["maxSource"] == "80%"
    assert not render_on_server({"policy": {"create": False}}).all("PowerPolicy")


def test_what_a_person_must_say_is_asked_for(helm: Helm) -> None:
    def refusal(*left_out: str) -> str:
        values = json.loads(json.dumps(REQUIRED))
        del values[left_out[0]][left_out[1]]
        with pytest.raises(HelmError) as refused:
            helm("template", "powercap", str(CHART), values=values)
        return str(refused.value)

    assert 'operator.image.repository is "", which names no registry' in refusal("operator", "image")
    assert "registry.example.org/powercap-agent" in refusal("agent", "image")
    said = refusal("policy", "maxSource")
    for words in ("long_term", "constraint_0_power_limit_uw", "policy.dryRun=true", "policy.create=false"):
        assert words in said


@pytest.mark.parametrize("name", ["powercap-agent", "powercap/agent", "docker/powercap/agent"])
def test_images_without_a_registry_are_refused(render: Render, name: str) -> None:
    with pytest.raises(HelmError, match="names no registry"):
        render({"agent": {"image": {"repository": name}}})


@pytest.mark.parametrize("name", ["localhost/agent", "host:5000/agent", "ghcr.io/a/b/agent"])
def test_images_with_a_registry_are_taken(render: Render, name: str) -> None:
    image = render({"agent": {"image": {"repository": name}}}).agent["spec"]["containers"][0]["image"]
    assert image == f"{name}:0.1.0"


def test_as_part_of_another_chart(helm: Helm, tmp_path: Path) -> None:
    umbrella = tmp_path / "umbrella"
    (umbrella / "charts").mkdir(parents=True)
    (umbrella / "charts" / "powercap").symlink_to(CHART)
    dependency = {"name": "powercap", "version": "*", "condition": "powercap.enabled"}
    (umbrella / "Chart.yaml").write_text(
        yaml.safe_dump(
            {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [dependency]}
        )
    )
    for enabled in (True, False):
        values = {"powercap": {**REQUIRED, "enabled": enabled}, "global": {"team": "power"}}
        found = Rendered(helm("template", "site", str(umbrella), values=values)).all("DaemonSet")
        assert bool(found) == enabled


@pytest.mark.parametrize(
    ("dry_run", "says"), [(False, "Nodes are capped from now on"), (True, '"dryRun":false')]
)
def test_notes_say_what_to_type_next(helm: Helm, dry_run: bool, says: str) -> None:
    values = {**REQUIRED, "policy": {"maxSource": "140", "dryRun": dry_run}}
    options = ("--namespace", "x", "--dry-run=client", "--output", "json")
    text = helm("install", "powercap", str(CHART), *options, values=values)
    notes = json.loads(text)["info"]["notes"]
    for words in (
        "helm test powercap -n x",
        "kubectl get powercap",
        "kubectl patch powerpolic",
        says,
        "fallback.then",
    ):
        assert words in notes
