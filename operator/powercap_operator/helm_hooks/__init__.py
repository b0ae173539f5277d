"""What the chart's hooks run in a pod of their own: the check behind ``helm test``, and the end of an uninstall."""
