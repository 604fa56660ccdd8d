"""From training sets to calibrated, explained, registered models."""
