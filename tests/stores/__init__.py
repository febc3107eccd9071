"""What the bridge of each form of its store wrote. `python -m tests.stores` writes the present form's.

`r0001` to `r0004` and `r0007` were written by the bridge of their time. No bridge ever had the forms 0005 and 0006
alone: `r0005` is `r0004`, changed to its form by the migration and gone on with by the code that brought rosters;
`r0006` is `r0005`, gone on with by the code that brought reports.
"""
