"""One file per authority, all behind the small interface of `base`."""
