"""`python -m tests.trace` prints which modules one punch ran through, beside those that README.md names."""

from tests.trace.table import print_table

if __name__ == "__main__":
    print_table()
