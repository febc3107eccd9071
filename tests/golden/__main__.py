"""`python -m tests.golden` writes the golden pictures and the sheets of docs/screens.md; look at them then."""

from tests.golden.pictures import write

if __name__ == "__main__":
    write()
