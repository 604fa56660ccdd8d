"""The economy that surrounds everyone."""
