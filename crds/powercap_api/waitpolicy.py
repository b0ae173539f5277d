"""WaitPolicy: what a person edits to say for how cheap an hour jobs wait, and for how long."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .names import WAIT_POLICY
from .policy.tariff import TariffSpec
from .poweroverride import Duration
from .powerpolicy import MarketSpec
from .schema.model import ApiModel, KubeObject


class Signal(StrEnum):
    """What an hour is judged by."""

    PRICE = "Price"
    CARBON = "Carbon"
    RENEWABLE = "Renewable"


class WaitPolicySpec(ApiModel):
    """For how cheap an hour jobs wait, and for how long."""

    market: MarketSpec = MarketSpec()
    """Which auction's results the jobs wait by."""
    signal: Signal = Signal.PRICE
    """What an hour is judged by. Price: the price paid. Carbon: the carbon intensity of power in the market's area.
    Renewable: the share of renewable power, of which more is better."""
    tariff: TariffSpec | None = None
    """What the market's price comes to for whoever pays. Without it that is the market's."""
    max_wait: Duration = "24h"
    """The longest that a start is put off, whatever a job asks for."""
    default_duration: Duration = "1h"
    """How long a job is taken to run where it does not say so."""
    least_saving_percent: Annotated[int, Field(ge=0, le=100)] = 1
    """A start is put off only for a mean over the job's duration that is lower by at least so many percent. 0: for
    any that is lower."""


class WaitPolicy(KubeObject):
    """A WaitPolicy says for how cheap an hour jobs wait, and for how long."""

    kind: Literal["WaitPolicy"] = WAIT_POLICY
    spec: WaitPolicySpec
    """What is wanted."""
