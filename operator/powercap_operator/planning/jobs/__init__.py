"""When jobs that wait for cheap hours are released."""
