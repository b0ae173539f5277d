"""Weekdays and times of day, as people write them in a policy."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from ..schema.model import ApiModel


class Weekday(StrEnum):
    """Days of the week, Monday first."""

    MON = "Mon"
    TUE = "Tue"
    WED = "Wed"
    THU = "Thu"
    FRI = "Fri"
    SAT = "Sat"
    SUN = "Sun"


_CLOCK: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def _sexagesimal(value: Any) -> Any:
    """``22:00`` without quotes is the number 1320 to readers of YAML 1.1: base 60, which gives the minutes back."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 24 * 60:
        return f"{value // 60:02}:{value % 60:02}"
    return value


ClockText = Annotated[str, StringConstraints(pattern=_CLOCK, max_length=5), BeforeValidator(_sexagesimal)]
"""A time of day, ``00:00`` to ``24:00``."""

Weekdays = Annotated[
    list[Weekday],
    Field(min_length=1, max_length=7, json_schema_extra={"x-kubernetes-list-type": "set"}),
]

_STARTS_WITHIN_THE_DAY: Final[Any] = {
    "rule": "self.start != '24:00'",
    "message": 'a window cannot start at 24:00: write "00:00" and the day after',
    "fieldPath": ".start",
}
WINDOW_RULES: Final[list[Any]] = [
    {
        "rule": "self.start != self.end",
        "message": 'start and end are the same: for a whole day write start: "00:00", end: "24:00"',
        "fieldPath": ".end",
    },
    _STARTS_WITHIN_THE_DAY,
]


class DayWindow(ApiModel):
    """A stretch of each day."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [_STARTS_WITHIN_THE_DAY]})

    start: ClockText
    """When it starts on the clock of the market's zone, such as "22:00". A market period belongs to it where it
    begins in it."""
    end: ClockText
    """When it ends, such as "06:00"; at or before start it ends on the day after."""


class WeekWindow(DayWindow):
    """A stretch of the week."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [*WINDOW_RULES]})

    days: Weekdays = Field(default=list(Weekday))
    """Days on which the window starts, such as [Mon, Tue]. Default: every day."""
