"""Sound into acoustic atoms: the IC-SAE, its training by mixtures (MART), and what it is measured by."""
