"""A site's installation: its files, its services, and its checks."""
