"""The clocks as the office sees them: the registry, their health, remote settings, the badge desk."""
