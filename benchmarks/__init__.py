"""Speed and quality, each beside the thing it is compared with."""
