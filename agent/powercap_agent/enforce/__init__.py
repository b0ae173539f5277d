"""Writing limits and putting originals back."""
