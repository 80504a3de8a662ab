"""Names and outlines of places, and who made them (NOTICE)."""
