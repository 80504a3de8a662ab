"""What every training loop of ours keeps, logs and refuses; it knows no network and no task."""
