"""Examples of tasks, to copy: `impasto train latent --task envs.latent.examples.strokes:Thicker`."""
