"""Names of the simulated nodes."""


def node_names(count: int, prefix: str = "node") -> list[str]:
    """So many names, in order."""
    return [f"{prefix}-{index:05}" for index in range(count)]
