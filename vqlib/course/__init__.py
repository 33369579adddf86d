"""What the lessons need: pretrained weights and the checks of the exercises."""
