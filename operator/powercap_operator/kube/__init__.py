"""The Kubernetes API: client, watches, cache, events."""
