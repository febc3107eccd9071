"""The last release, as data: what a site has before it takes this version.

Each folder is a release by its version: `product.tar.xz` has the host tools, the firmware and the boards of its
commit, and nothing that it needs from elsewhere. The newest one is the last release; tests/system/test_releases.py
runs it against this version, both ways. `python -m tests.releases` writes such a folder from a checkout.
"""
