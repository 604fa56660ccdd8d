"""The simulated lender's world: people, their money and their loans, day by day; knows nothing of Lendloop.

`schema` has every table. `process` has the protocol of what happens in a day and the rules that keep a world the same
however it is divided; `world.processes()` is the list of them; `state` is what they change. `simulate.simulate` runs a
world with a policy of its own, `run.Run` lets a lender step one.
"""
