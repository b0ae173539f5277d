"""The cap in force over a stretch of time, on average: a ramp or a dwell keeps a higher one for a while. Pure."""

from dataclasses import dataclass


@dataclass(slots=True)
class CapAverage:
    """Sums up caps. Powers in microwatts, times in seconds of a monotonic clock."""

    _cap_uw: int | None = None
    _since: float | None = None
    _began: float = 0.0
    _sum: float = 0.0
    _known: bool = True

    def change(self, moment: float, cap_uw: int | None) -> None:
        """From now on this cap is in force; None: none is, or it is not known which."""
        self._add(moment)
        self._cap_uw = cap_uw

    def close(self, moment: float) -> int | None:
        """The average since the last ``close``; None where for some of the time there was no cap, or an unknown one."""
        self._add(moment)
        seconds = moment - self._began
        average = round(self._sum / seconds) if self._known and seconds > 0 else None
        self._began, self._sum, self._known = moment, 0.0, True
        return average

    def _add(self, moment: float) -> None:
        if self._since is None:
            self._began = moment
        elif moment > self._since:
            if self._cap_uw is None:
                self._known = False
            else:
                self._sum += self._cap_uw * (moment - self._since)
        self._since = moment
