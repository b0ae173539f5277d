"""A Kubernetes control plane on this machine, for tests and demonstrations: no containers, no registry.

`binaries` finds or builds etcd, kube-apiserver and the rest; `control_plane` starts and stops them;
``python -m dev.cluster`` does so from a terminal. The Go program that is built is in ``programs``, with go.mod and
go.sum of each Kubernetes version, written by ``python -m dev.cluster.pin``.
"""
