"""Tasks of one's own, to copy: ``impasto train latent --task envs.latent.examples.strokes:Thicker``."""
