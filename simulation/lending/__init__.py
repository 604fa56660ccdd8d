"""Lending: applications, loans, repayment, and the chances behind them."""
