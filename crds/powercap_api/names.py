"""Names that several parts must agree on: API group, plurals, labels, field managers."""

from typing import Final

GROUP: Final = "powercap.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "powercap.dev/v1alpha1"

POWER_POLICY: Final = "PowerPolicy"
MARKET_DAY: Final = "MarketDay"
NODE: Final = "Node"
POWER_BUDGET: Final = "PowerBudget"
POWER_OVERRIDE: Final = "PowerOverride"
POWER_REPORT: Final = "PowerReport"
WAIT_POLICY: Final = "WaitPolicy"
PLURALS: Final = {
    POWER_POLICY: "powerpolicies",
    MARKET_DAY: "marketdays",
    POWER_BUDGET: "powerbudgets",
    POWER_OVERRIDE: "poweroverrides",
    POWER_REPORT: "powerreports",
    WAIT_POLICY: "waitpolicies",
}

EXEMPT_LABEL: Final = f"{GROUP}/exempt"
"""On a Node, value ``true``: no policy applies to it."""

FLOOR_LABEL: Final = f"{GROUP}/floor"
"""On a Pod: watts that its node has at least while it runs there, where the policy allows it. EXEMPT_LABEL on a Pod,
value ``true``: the node's original limits."""

POWER_LABEL: Final = f"{GROUP}/power"
"""On a Node, for schedulers: low, normal or high by its cap, where the operator may write it."""

CHEAP_HOURS_LABEL: Final = f"{GROUP}/cheap-hours"
"""On a Job, value ``true``: it may wait for cheap hours, by the annotations WAIT, FINISH_BY and DURATION."""
WAIT: Final = f"{GROUP}/wait"
FINISH_BY: Final = f"{GROUP}/finish-by"
DURATION: Final = f"{GROUP}/duration"
RELEASED_AT: Final = f"{GROUP}/released-at"
"""Annotation of a Job that the operator released, or found running: it is not touched any more."""
RELEASED_BECAUSE: Final = f"{GROUP}/released-because"
"""Annotation beside it: a ReleaseReason."""

POLICY_LABEL: Final = f"{GROUP}/policy"
"""On a PowerBudget: the policy that governs it, for ``kubectl get powerbudgets -l``."""

WRITTEN_AT: Final = f"{GROUP}/written-at"
"""Annotation of a PowerBudget: when the operator last wrote its spec, by the operator's clock."""

SILENT_SINCE: Final = f"{GROUP}/agent-silent-since"
"""Annotation of a PowerBudget whose agent does not report: since when a report is due."""

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
"""On a MarketDay, value ``powercap-operator``: the operator made it and clears it away when it is old."""

OPERATOR_FIELD_MANAGER: Final = "powercap-operator"
AGENT_FIELD_MANAGER: Final = "powercap-agent"
