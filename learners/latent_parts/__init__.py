"""Training of the latent world's frozen parts, auto-encoder, classifier and GAN; start reading at `train`."""
