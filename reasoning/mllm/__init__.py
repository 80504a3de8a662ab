"""A language model that sees and explains: evidence and pictures in, trace and ψ out."""
