"""Partners: the machines that may call the API, their keys, what they may do and how much of it.

`book` keeps them in the decision log's database, `directory` knows them in memory, `quotas` counts what they ask for.
"""
