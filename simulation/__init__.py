"""The simulated lender's world; knows nothing of Lendloop."""
