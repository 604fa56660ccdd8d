"""Reviews: how people decide what a machine left to them, or what an applicant refused to have decided by one.

A review is a decision with the outcome `review`, or any that was refused, and the acts in the log about it; nothing
else opens it. `review` says what may follow what, `board` lets it happen once whoever else tries.
"""
