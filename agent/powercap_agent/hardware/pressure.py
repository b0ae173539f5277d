"""CPU pressure: ``some avg60`` of the kernel's pressure stall information.

That is the part of the last minute in which at least one task waited for a CPU, in percent
(Documentation/accounting/psi.rst). Containers see the host's figure.
"""

from .files import KernelFiles


def read_cpu_pressure(files: KernelFiles, path: str) -> float | None:
    """``some avg60`` in percent; None where the kernel has no PSI (CONFIG_PSI, or psi=0)."""
    try:
        text = files.read(path)
    except OSError:
        return None
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["some"]:
            for word in words[1:]:
                name, _, value = word.partition("=")
                if name == "avg60" and value.replace(".", "", 1).isdecimal():
                    return float(value)
    return None
