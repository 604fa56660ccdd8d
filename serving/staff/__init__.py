"""Staff: the people who may act on a lender's behalf, how they sign in, and what they may do.

`book` keeps them in the decision log's database and every change of them in its chain; `reception` lets them in.
"""
