"""A challenger tried beside the champion: in its shadow, for some of the customers, and stopped when it does harm."""
