"""How the pretrained models of the course are trained: one file per set of models."""
