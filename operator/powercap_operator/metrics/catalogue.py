"""Every metric there is: its name, what it means, its type and its labels.

Names and units follow Prometheus's conventions: watts, joules, seconds; ``_total`` for counters, ``_ratio`` for shares.
Prices and carbon intensities are the exception: they are per megawatt-hour and per kilowatt-hour, as every market,
every bill and every source has them.
"""

from dataclasses import dataclass
from typing import Final, Literal

NODE: Final = ("node", "policy")
POLICY: Final = ("policy",)
REPORT: Final = ("policy", "day")
WORTH: Final = (*REPORT, "load")
OVERRIDE: Final = ("override", "source")
MARKET: Final = ("area", "auction", "resolution_minutes", "provider")
MARKET_DAY: Final = (*MARKET, "date")
AHEAD: Final = (*MARKET, "minutes_ahead")


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. ``name`` is without ``_total`` where the type is counter."""

    name: str
    text: str
    labels: tuple[str, ...] = ()
    type: Literal["gauge", "counter", "histogram"] = "gauge"

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the series as a scrape has them."""
        if self.type == "counter":
            return (f"{self.name}_total",)
        if self.type == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


BUILD_INFO: Final = Family("powercap_build_info", "Version of the operator.", ("version",))

POLICY_READY: Final = Family("powercap_policy_ready", "1 where the policy is in force.", POLICY)
POLICY_MAX_SOURCE: Final = Family(
    "powercap_policy_max_source_watts", "Power of a node at the best period.", POLICY
)
POLICY_MAX_SOURCE_RATIO: Final = Family(
    "powercap_policy_max_source_ratio",
    "Power of a node at the best period, as a part of what its original limits add up to.",
    POLICY,
)
POLICY_CAP: Final = Family("powercap_policy_cap_watts", "Cap of one node now.", POLICY)
POLICY_CAP_RATIO: Final = Family(
    "powercap_policy_cap_ratio",
    "Cap of one node now, as a part of what its original limits add up to.",
    POLICY,
)
POLICY_SHARE: Final = Family(
    "powercap_policy_share_ratio", "Cap of one node now as a share of maxSource, from 0 to 1.", POLICY
)
POLICY_PRICE_PAID: Final = Family(
    "powercap_policy_price_paid_per_mwh",
    "Price paid now per megawatt-hour, by the policy's tariff; without one the market's price is.",
    (*POLICY, "currency"),
)
POLICY_DATA: Final = Family(
    "powercap_policy_market_data",
    "1 for the state of the results that are followed: Current, Fallback, Missing, Pending or NotNeeded.",
    (*POLICY, "state"),
)
POLICY_FALLBACKS: Final = Family(
    "powercap_policy_fallbacks",
    "Delivery days on which an earlier day's results stood in.",
    POLICY,
    "counter",
)
POLICY_NODES: Final = Family("powercap_policy_nodes", "Nodes that the policy governs.", POLICY)
POLICY_NODES_READY: Final = Family("powercap_policy_nodes_ready", "Nodes that follow their budget.", POLICY)
POLICY_NODES_UNSUPPORTED: Final = Family(
    "powercap_policy_nodes_unsupported", "Nodes that have nothing to cap.", POLICY
)
POLICY_NODES_SILENT: Final = Family(
    "powercap_policy_nodes_silent", "Nodes whose agent has not reported since its slot ended.", POLICY
)
POLICY_NODES_BINDING: Final = Family(
    "powercap_policy_nodes_binding", "Nodes that the cap held back in the slot before.", POLICY
)
POLICY_NODES_CAP: Final = Family(
    "powercap_policy_nodes_cap_watts", "Caps of all nodes of the policy together.", POLICY
)
POLICY_NODES_APPLIED: Final = Family(
    "powercap_policy_nodes_applied_watts", "Limits in force on all nodes of the policy together.", POLICY
)
POLICY_NODES_DRAW: Final = Family(
    "powercap_policy_nodes_draw_watts",
    "Power drawn by all nodes of the policy together in the slot before.",
    POLICY,
)
POLICY_NODES_REASON: Final = Family(
    "powercap_policy_nodes_by_reason",
    "Nodes of the policy by the reason of their condition Ready; AgentSilent where the agent does not report, NoAgent"
    " where none can run.",
    (*POLICY, "reason"),
)

REPORT_ENERGY: Final = Family(
    "powercap_report_energy_joules",
    "Energy that packages and accelerators of the policy's nodes drew on the day, so far.",
    REPORT,
)
REPORT_ACCELERATOR_ENERGY: Final = Family(
    "powercap_report_accelerator_energy_joules", "The accelerators' part of that energy.", REPORT
)
REPORT_COST: Final = Family(
    "powercap_report_cost",
    "Cost of that energy at the price paid, so far; below 0 where prices are.",
    (*REPORT, "currency"),
)
REPORT_CARBON: Final = Family(
    "powercap_report_carbon_grams", "Carbon dioxide (equivalent) of that energy, so far.", REPORT
)
REPORT_WORK_COST: Final = Family(
    "powercap_report_cost_per_work_hour",
    "Modelled from the draw by the chart's operator.savings, and absent without: cost of an hour's work of a node at"
    " full speed on the day, so far: as capped (measured), without caps (no_cap, at most), and under the flat cap that"
    " does the same work (flat_cap). Saturated counts static power; slack leaves it out.",
    (*WORTH, "case", "currency"),
)
REPORT_SAVED: Final = Family(
    "powercap_report_saved_ratio",
    "Modelled from the draw by the chart's operator.savings, and absent without: part of the cost per unit of work that"
    " caps saved on the day, so far, against no_cap (at most) and flat_cap: 0 where no cap bound, below 0 where it cost"
    " more.",
    (*WORTH, "against"),
)
REPORT_BOUND: Final = Family(
    "powercap_report_bound_ratio",
    "Share of the measured time of the day in which caps held nodes back: where it is 0, nothing was saved.",
    REPORT,
)
REPORT_LIFTS: Final = Family(
    "powercap_report_lifts", "How often on the day a node's cap was lifted for a while, so far.", REPORT
)

OVERRIDE_ACTIVE: Final = Family(
    "powercap_override_active",
    "1 where the PowerOverride holds now, 0 where it is to come or over.",
    OVERRIDE,
)
OVERRIDE_ASKED: Final = Family(
    "powercap_override_asked_watts",
    "Most power that all nodes of the PowerOverride may have together.",
    OVERRIDE,
)
OVERRIDE_ACHIEVED: Final = Family(
    "powercap_override_achieved_watts",
    "Sum of the limits that the nodes of the PowerOverride read back while it holds.",
    OVERRIDE,
)

JOBS_WAITING: Final = Family("powercap_jobs_waiting", "Jobs that wait for cheap hours now.", POLICY)
JOBS_RELEASED: Final = Family(
    "powercap_jobs_released",
    "Jobs released since the WaitPolicy was made, by why: Window, NoSaving, Deadline, NoData or UnreadableJob.",
    (*POLICY, "reason"),
    "counter",
)
JOBS_SAVED: Final = Family(
    "powercap_jobs_saved_per_kilowatt",
    "Modelled, since the WaitPolicy was made: for each released job its hours times by how much less the signal was"
    " than at its creation, for each kilowatt that it drew.",
    (*POLICY, "unit"),
)

NODE_READY: Final = Family("powercap_node_ready", "1 where the node follows its budget.", NODE)
NODE_REASON: Final = Family(
    "powercap_node_reason",
    "1 for the reason of the node's condition Ready; AgentSilent where the agent does not report.",
    (*NODE, "reason"),
)
NODE_CAP: Final = Family("powercap_node_cap_watts", "Cap that the slot asks for.", NODE)
NODE_APPLIED: Final = Family(
    "powercap_node_applied_watts", "Sum of the limits that the packages read back.", NODE
)
NODE_DRAW: Final = Family(
    "powercap_node_draw_watts", "Average power that the packages drew in the slot before.", NODE
)
NODE_ACCELERATOR_DRAW: Final = Family(
    "powercap_node_accelerator_draw_watts",
    "Average power that the accelerators drew in the slot before.",
    NODE,
)
NODE_ENERGY: Final = Family(
    "powercap_node_energy_joules",
    "Energy that the node's packages have drawn, over restarts of the agent and of the node.",
    NODE,
    "counter",
)
NODE_ACCELERATOR_ENERGY: Final = Family(
    "powercap_node_accelerator_energy_joules",
    "Energy that the node's accelerators have drawn, over restarts of the agent.",
    NODE,
    "counter",
)
NODE_BINDING: Final = Family(
    "powercap_node_binding",
    "1 where the packages' draw of the slot before came within 5 % of their cap, so that the cap held it back.",
    NODE,
)
NODE_ACCELERATOR_BINDING: Final = Family(
    "powercap_node_accelerator_binding", "The same of the accelerators and their cap.", NODE
)
NODE_LIFTED: Final = Family(
    "powercap_node_lifted",
    "1 where the original limits are in force for a while: the node was under pressure, or not ready.",
    NODE,
)
NODE_REAPPLIED: Final = Family(
    "powercap_node_reapplied_limits",
    "Limits that something else had changed and the agent set again, since the agent started.",
    NODE,
    "counter",
)

DAY_COMPLETE: Final = Family("powercap_market_day_complete", "1 where all periods are there.", MARKET_DAY)
DAY_REQUESTS: Final = Family(
    "powercap_market_day_requests", "Requests made to the source for the day.", MARKET_DAY
)
DAY_REQUESTS_LEFT: Final = Family(
    "powercap_market_day_requests_left",
    "Requests that may still be made to the source for the day.",
    MARKET_DAY,
)
PRICE: Final = Family(
    "powercap_market_price_per_mwh",
    "Price per megawatt-hour in the market period that begins so many minutes after the current one.",
    (*AHEAD, "currency"),
)
CARBON: Final = Family(
    "powercap_market_carbon_grams_per_kwh",
    "Carbon intensity, g CO2eq/kWh, in the market period that begins so many minutes after the current one.",
    (*AHEAD, "forecast"),
)
RENEWABLE: Final = Family(
    "powercap_market_renewable_ratio",
    "Share of renewable power, 1 for all, in the market period that begins so many minutes after the current one.",
    (*AHEAD, "forecast"),
)
VOLUME: Final = Family(
    "powercap_market_volume_joules",
    "Energy traded in the market period that begins so many minutes after the current one.",
    AHEAD,
)

UNREADABLE: Final = Family(
    "powercap_unreadable_objects",
    "Objects of the kind that the operator cannot read or work with: what was made of them stays as it is."
    " PowerBudget status: agents' reports that say what no node can have.",
    ("kind",),
)

PASSES: Final = Family("powercap_reconcile_passes", "Looks at the whole cluster.", type="counter")
FAILURES: Final = Family(
    "powercap_reconcile_failures", "Looks after which not everything could be written.", type="counter"
)
REFUSED: Final = Family(
    "powercap_api_refused_writes",
    "Writes that the API server did not take; each waits by itself.",
    type="counter",
)
WRITES: Final = Family(
    "powercap_api_writes", "Requests to the API server that meant to change something.", type="counter"
)
LEADER: Final = Family("powercap_leader", "1 where this operator leads, 0 where it is ready to take over.")
LOOP_IDLE: Final = Family(
    "powercap_loop_idle_seconds", "Time since the loop of that name last turned.", ("loop",)
)
LOOP_PAUSE: Final = Family(
    "powercap_loop_pause_seconds",
    "Time for which the event loop was held up, looked at fifty times a second.",
    type="histogram",
)
LOOP_LONGEST_PAUSE: Final = Family(
    "powercap_loop_longest_pause_seconds",
    "Longest time for which the event loop was held up since the start.",
)
LOOP_LONGEST_STEP: Final = Family(
    "powercap_loop_longest_step_seconds",
    "Most processor time that the event loop took in one pause since the start.",
)

FAMILIES: Final = tuple(value for value in list(globals().values()) if isinstance(value, Family))
"""All of them, in the order above."""
LABELS: Final = {name: frozenset(family.labels) for family in FAMILIES for name in family.series}
"""Labels by the name of the series; a histogram's buckets have ``le`` too."""
NAMES: Final = frozenset(LABELS)
"""Name of every series there is."""
