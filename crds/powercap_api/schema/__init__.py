"""What the kinds' models share, and CRDs made of them."""
