"""What can go wrong here, in words for the person at the terminal.

ClusterError
├── BinariesError      the programs are missing or could not be built
├── ControlPlaneError  a component did not come up, or ended
└── KubectlError       kubectl said no
"""


class ClusterError(Exception):
    """Its text says what happened and, where there is something to do, what."""


class BinariesError(ClusterError):
    """The programs of a control plane are missing or could not be built."""


class ControlPlaneError(ClusterError):
    """A component did not come up, or ended; quotes the end of its log."""


class KubectlError(ClusterError):
    """kubectl failed; the text has its error output."""
