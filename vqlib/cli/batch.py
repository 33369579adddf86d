"""A batch that there are pictures enough for."""

import os
from dataclasses import replace
from typing import TypeVar

from vqlib.cli.messages import say
from vqlib.train.recipe import Recipe

R = TypeVar("R", bound=Recipe)


def fitting_batch(recipe: R, num_images: int) -> R:
    """The recipe, with a smaller batch where there are fewer pictures than it asks for.

    Raises:
        ValueError: there are not even as many pictures as parts and processes.
    """
    if recipe.batch_size <= num_images:
        return recipe
    parts = recipe.accumulate * int(os.environ.get("WORLD_SIZE", 1))
    size = num_images // parts * parts
    if size == 0:
        raise ValueError(
            f"there are {num_images} pictures to learn from, {parts} are needed at least: a batch "
            "has one for each process and each part (accumulate)"
        )
    say(f"batches of {size}, not of {recipe.batch_size}: there are only {num_images} pictures")
    return replace(recipe, batch_size=size)
