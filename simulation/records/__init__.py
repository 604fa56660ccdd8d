"""Records: what systems make of what happens: late, corrected, twice, malformed; files by day; checkpoints."""
