"""Clip in, evidence out: what was heard and seen, when, how surely, and where it points."""
