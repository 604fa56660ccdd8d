"""Money: income, spending, transfers, and where loan money goes."""
