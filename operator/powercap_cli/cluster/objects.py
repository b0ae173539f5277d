"""Reads policies and market days from the cluster, for the commands that otherwise read files."""

import sys
from datetime import date, datetime

from pydantic import ValidationError

from powercap_api.marketday import MarketDay
from powercap_api.names import MARKET_DAY, POWER_POLICY
from powercap_api.powerpolicy import PowerPolicy
from powercap_operator.market.fallback import find_results
from powercap_operator.market.known_days import DayResults, KnownDays
from powercap_operator.planning.resolved_policy import ResolvedPolicy, resolve

from .access import CommandError, get_named
from .client import Cluster


def cluster_plan(
    cluster: Cluster, name: str, day: date | None, node_uw: int | None, now: datetime
) -> tuple[ResolvedPolicy, DayResults]:
    """A policy of the cluster, and the results that stand for a delivery day (default: today) as the operator sees it.

    Raises:
        CommandError: there is no such policy, or no results for that day.
        ClusterError: the API server refused or did not answer.
    """
    policy = resolve(PowerPolicy.from_wire(get_named(cluster, POWER_POLICY, name)), node_uw)
    wanted = day or policy.day(now)
    days = KnownDays(market_days(cluster))
    found = find_results(policy.request, days, wanted, policy.policy.spec.fallback.previous_days)
    if found is None:
        raise CommandError(
            f"policy {name} has no results for {wanted}, and none that may stand for them: kubectl get marketdays"
        )
    return policy, found


def cluster_day(cluster: Cluster, name: str) -> MarketDay:
    """A MarketDay of the cluster.

    Raises:
        CommandError: there is none of that name.
        ClusterError: the API server refused or did not answer.
    """
    return MarketDay.from_wire(get_named(cluster, MARKET_DAY, name))


def market_days(cluster: Cluster) -> list[MarketDay]:
    """Those of the cluster that this version can read; the others are named on standard error."""
    found = []
    for body in cluster.list_kind(MARKET_DAY):
        try:
            found.append(MarketDay.from_wire(body))
        except ValidationError as error:
            sys.stderr.write(f"powercap: MarketDay {body['metadata']['name']} is left out: {error}\n")
    return found
