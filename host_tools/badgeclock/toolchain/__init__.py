"""The programs that tests, demo and technicians need, from Debian's packages and the Python index."""
