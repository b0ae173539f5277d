"""A release: one version in every file that names it, and the changelog's words for it."""
