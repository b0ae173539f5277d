"""The API server: client, watch of the node's budget, status writes."""
