"""Fraud: who is a fraudster of which kind, how they apply, what they do with the money, accounts taken over."""
