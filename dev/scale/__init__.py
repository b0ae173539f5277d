"""``make scale``: what operator and agents cost a control plane with thousands of nodes."""
