"""Documents that are made from the code, or when the site is built."""
