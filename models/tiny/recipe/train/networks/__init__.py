"""The networks of the bundle that diffusers does not define."""
