"""The bridge's store: database, tables, vault, the states of a presence, events, the book of acts."""
