"""All power zones of the node, whatever their driver."""

from collections.abc import Callable, Mapping, Sequence

from .zone import Zone


class Inventory:
    """The zones found last. Used by one thread at a time."""

    def __init__(
        self,
        drivers: Sequence[Callable[[], tuple[Zone, ...]]],
        explain: Callable[[Sequence[Zone]], str] = lambda _: "",
        troubles: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """``drivers`` each return the zones that there are now: drivers are loaded and packages plugged in while the
        agent runs. ``explain`` says why none of the zones found can be used;
        ``troubles`` why a driver knows of no zone for the moment, by kind."""
        self._drivers = drivers
        self._explain = explain
        self.troubles = troubles
        self.zones: tuple[Zone, ...] = ()
        self._had: tuple[Zone, ...] = ()

    def survey(self) -> None:
        """Find the zones again."""
        found = {zone.key: zone for discover in self._drivers for zone in discover()}
        self.zones = tuple(found.values())
        self._had = self.zones or self._had

    def stale(self) -> bool:
        """Whether a zone is not any more where it was found."""
        return not all(zone.device.is_there() for zone in self.zones)

    def why_unusable(self) -> str:
        """Why none of the zones can be used, and what to do."""
        if self._had and not self.zones:
            names = ", ".join(zone.path for zone in self._had[:4])
            return (
                f"the zones that were there ({names}) have gone with their driver. They are looked for again; where the"
                " pod mounts the powercap folder alone (agent.mountOnlyPowercap), restart it once the driver is back"
            )
        return self._explain(self.zones)
