"""Reviews: how people decide what a machine left to them.

A review is a decision with the outcome `review` and the acts in the log about it; nothing opens it. `review` says what
may follow what, `board` lets it happen once whoever else tries.
"""
