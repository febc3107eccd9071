"""Golden pictures of every screen: <display>/<language>/<state>.png, made by `python -m tests.golden`."""
