"""A network namespace of its own for a whole cluster: nothing of the machine's network is seen or changed."""

import os
import subprocess

from dev.lab.debian import PreparationError, program

ADDRESS = "10.99.0.1"
"""The machine's address as pods see it."""
_GATEWAY = "10.99.0.2"
POD_RANGE = "10.88.0.0/16"


def make_network(name: str) -> None:
    """Make the namespace, with an address that is not loopback and a default route that leads nowhere.

    Raises:
        PreparationError: this machine does not let us.
    """
    remove_network(name)
    _ip("netns", "add", name)
    inside = ("-n", name)
    # A pair of which both ends stay inside: an interface that is up, on kernels without dummy devices too.
    _ip(*inside, "link", "add", "node0", "type", "veth", "peer", "name", "node1")
    _ip(*inside, "address", "add", f"{ADDRESS}/24", "dev", "node0")
    for device in ("lo", "node0", "node1"):
        _ip(*inside, "link", "set", device, "up")
    _ip(*inside, "route", "add", "default", "via", _GATEWAY, "dev", "node0")


def remove_network(name: str) -> None:
    """Remove the namespace; nothing where there is none."""
    if os.path.exists(f"/run/netns/{name}"):
        _ip("netns", "delete", name)


def inside(name: str) -> list[str]:
    """The beginning of a command line that runs in the namespace.

    `ip netns exec` would mount /sys anew and hide the cgroups, without which a kubelet does not start.
    """
    return [program("nsenter"), f"--net=/run/netns/{name}", "--"]


def _ip(*arguments: str) -> None:
    command = [program("ip"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PreparationError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
