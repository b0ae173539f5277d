"""Debian's kernels in a virtual machine, with their own powercap drivers over simulated registers."""
