"""The registry of datasets: one YAML file each."""
