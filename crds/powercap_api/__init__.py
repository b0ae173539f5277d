"""The six kinds of ``powercap.dev``: PowerPolicy, MarketDay, PowerBudget, PowerOverride, PowerReport and WaitPolicy.

Importing this package imports nothing else. ``names``, ``units``, ``markets`` and ``reasons`` need the standard
library only, so that the agent can use them; the models (``powerpolicy``, ``marketday``, ``powerbudget``,
``poweroverride``, ``powerreport``, ``waitpolicy``) need pydantic, and ``crd`` turns them into
CustomResourceDefinitions.
"""
