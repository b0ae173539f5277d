"""``make demo``: the whole way from an exchange's page to the numbers in the files, shown and checked."""
