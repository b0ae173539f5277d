"""The three kinds of ``powercap.dev``: PowerPolicy, MarketDay and PowerBudget.

Importing this package imports nothing else. ``names``, ``units``, ``markets`` and ``reasons`` need the standard
library only, so that the agent can use them; the models (``powerpolicy``, ``marketday``, ``powerbudget``) need
pydantic, and ``crd`` turns them into CustomResourceDefinitions.
"""
