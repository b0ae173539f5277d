"""What is known of the cluster, as values: one consistent snapshot, and what each object in it tells. Pure."""
