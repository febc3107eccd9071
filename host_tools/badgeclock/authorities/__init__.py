"""One file an authority, all behind the small interface of `base`."""
