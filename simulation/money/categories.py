"""What money is spent on: merchant categories with how often, how much, when and by whom."""

import numpy as np

CATEGORIES: tuple[tuple[str, int, str, float, float, float, float, float], ...] = (
    # name, MCC (ISO 18245), where, share of purchases, median amount, spread of the log, weekend factor, cut in strain
    ("groceries", 5411, "local", 0.235, 38.0, 0.65, 1.15, 0.1),
    ("convenience", 5499, "local", 0.12, 11.0, 0.55, 1.0, 0.2),
    ("restaurant", 5812, "local", 0.105, 32.0, 0.6, 1.5, 0.5),
    ("fast_food", 5814, "local", 0.12, 14.0, 0.45, 1.1, 0.3),
    ("public_transport", 4111, "local", 0.085, 5.0, 0.5, 0.6, 0.0),
    ("fuel", 5541, "local", 0.04, 52.0, 0.35, 1.1, 0.2),
    ("taxi", 4121, "local", 0.04, 16.0, 0.5, 1.2, 0.5),
    ("online_shop", 5964, "online", 0.075, 46.0, 0.85, 1.2, 0.5),
    ("clothes", 5651, "local", 0.025, 62.0, 0.7, 1.7, 0.7),
    ("electronics", 5732, "local", 0.008, 260.0, 0.9, 1.5, 0.8),
    ("home", 5712, "local", 0.01, 140.0, 0.9, 1.6, 0.8),
    ("pharmacy", 5912, "local", 0.035, 22.0, 0.6, 0.8, 0.0),
    ("hospital", 8062, "local", 0.008, 95.0, 0.9, 0.4, -0.2),
    ("school", 8299, "local", 0.006, 160.0, 0.8, 0.5, 0.4),
    ("books", 5942, "local", 0.009, 24.0, 0.5, 1.3, 0.5),
    ("beauty", 7230, "local", 0.018, 36.0, 0.6, 1.5, 0.7),
    ("cinema", 7832, "local", 0.01, 22.0, 0.4, 2.2, 0.7),
    ("games", 5816, "online", 0.02, 12.0, 0.8, 1.3, 0.1),
    ("travel", 4722, "online", 0.004, 420.0, 0.8, 1.1, 0.9),
    ("hotel", 7011, "local", 0.004, 150.0, 0.6, 1.5, 0.9),
    ("baby", 5641, "local", 0.009, 42.0, 0.6, 1.3, 0.2),
    ("pets", 5995, "local", 0.006, 28.0, 0.5, 1.3, 0.4),
    ("gambling", 7995, "online", 0.005, 45.0, 1.0, 1.4, -0.9),
    ("pawn", 5933, "local", 0.0015, 120.0, 0.7, 0.6, -1.5),
    ("wholesale", 5099, "local", 0.0015, 480.0, 0.8, 0.5, 0.2),
)
"""A negative cut grows in strain: gambling, pawnbrokers, doctors."""
NAMES = tuple(name for name, *_ in CATEGORIES)
MCC = np.array([mcc for _, mcc, *_ in CATEGORIES], dtype=np.uint16)
SHARE, MEDIAN, SPREAD, WEEKEND, CUT = (
    np.array([row[place] for row in CATEGORIES], dtype=np.float64) for place in range(3, 8)
)
BROKER_MCC, DEVELOPER_MCC = 6211, 6552
"""Security brokers; land subdividers and developers."""
