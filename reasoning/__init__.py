"""Evidence in, trace out: what the evidence says about the place, in words that cite it."""
