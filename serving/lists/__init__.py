"""Negative lists: who is on them, by keyed hashes alone; dated, with source, reason and who put them there.

`book` keeps them in the decision log's database, `index` knows them in memory, `watch` keeps the index fresh.
"""
