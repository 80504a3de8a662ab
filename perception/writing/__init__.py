"""Writing in the scene: frames in, signs with what they say of the place out."""
