"""The office's view of the clocks: the registry, their health, remote settings, the badge desk."""
