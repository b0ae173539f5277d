"""Prometheus and Chromium as Debian packages them, the chart as helm renders it, and a real API server."""

from tests.api.conftest import binaries, control_plane, kube, shared_control_plane
from tests.chart.conftest import helm, render, required

__all__ = ["binaries", "control_plane", "helm", "kube", "render", "required", "shared_control_plane"]
