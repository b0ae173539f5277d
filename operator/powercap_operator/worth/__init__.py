"""What capping is worth: the same days with a policy, without caps, and with a flat cap that does the same work. Pure.

Needs numpy, which comes with the extra ``powercap[backtest]``; the operator's image does not have it.
"""
