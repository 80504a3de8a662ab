"""What a clip is, and where on Earth things are."""
