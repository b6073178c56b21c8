"""Training of the latent world's frozen parts."""
