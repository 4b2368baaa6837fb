"""Trains the networks of the embedded bundle on rendered people: one module per stage, in the order of TRAINING.md."""
