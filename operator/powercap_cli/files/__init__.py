"""Commands that work on files: saved pages, CSV files, manifests of policies."""
