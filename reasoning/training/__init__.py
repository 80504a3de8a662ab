"""How the language model learns to explain: a cold start made by rule (SFT), then rewards (GRPO)."""
