"""The books beside the decision log, held against the acts in its chain.

`verdict.audit(url)` compares all of them; a module for each book says what its acts leave in it.
"""
