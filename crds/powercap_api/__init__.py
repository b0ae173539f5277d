"""The five kinds of ``powercap.dev``: PowerPolicy, MarketDay, PowerBudget, PowerOverride and PowerReport.

Importing this package imports nothing else. ``names``, ``units``, ``markets`` and ``reasons`` need the standard
library only, so that the agent can use them; the models (``powerpolicy``, ``marketday``, ``powerbudget``,
``poweroverride``, ``powerreport``) need pydantic, and ``crd`` turns them into CustomResourceDefinitions.
"""
