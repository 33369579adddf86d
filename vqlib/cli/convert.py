"""`python -m vqlib convert`: a released checkpoint becomes a model folder, or a whole pipeline."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor
from tyro.conf import Positional

from vqlib.compress.vqvae import LabelMapVQVAE
from vqlib.generate.condition import ClassCondition
from vqlib.official.net2net import FIRST, TRANSFORMER, Net2Net, load_net2net
from vqlib.official.taming import account, infer_config, load_vqmodel
from vqlib.official.transfer import naming, part
from vqlib.official.unpickle import read_checkpoint
from vqlib.train.checkpoint import save_model
from vqlib.train.pipeline import Meaning, write_pipeline
from vqlib.train.token_folder import written_whole


@dataclass(frozen=True)
class Convert:
    """Turn a released VQGAN or transformer (taming-transformers, .ckpt) into a folder.

    Nothing in the file is executed. Of a VQGAN the folder is a --model for the other commands, of a
    transformer, which comes with its codecs, a --prior.
    """

    checkpoint: Positional[Path]
    """The released file."""
    out: Positional[Path]
    """The folder to write."""
    prefix: str = ""
    """Where in the file a VQGAN is, such as first_stage_model. to take this part alone out of a
    transformer's file."""
    image_size: int = 256
    """Side of the pictures that the model was trained on."""
    num_heads: int | None = None
    """Of a transformer, which no tensor tells: attention heads; by default those that the released
    ones have."""
    num_classes: int | None = 1000
    """Of a transformer without a codec of conditions: classes; None if there are none either."""
    prefix_attention: Literal["causal", "full"] | None = None
    """Of a transformer: full if all ids of the condition see each other; by default read from the
    file."""

    def run(self) -> int:
        """Convert; an existing folder is never overwritten."""
        if self.out.exists():
            raise FileExistsError(f"{self.out} exists already; choose another folder")
        state = read_checkpoint(self.checkpoint)
        if not self.prefix and any(name.startswith(TRANSFORMER) for name in state):
            with naming(self.checkpoint, ""):
                self._transformer(state)
        else:
            self._codec(state)
        return 0

    def _codec(self, state: dict[str, Tensor]) -> None:
        model = load_vqmodel(state, prefix=self.prefix, image_size=self.image_size)
        save_model(model, self.out, record=self._record)
        tensors = account(state, prefix=self.prefix)
        loaded = len(model.state_dict())
        print(f"{self.out}: {loaded} tensors loaded, {len(tensors) - loaded} of training left out")
        print(f"f = {model.config.downsampling_factor}, {model.config.num_codes} codes")

    def _transformer(self, state: dict[str, Tensor]) -> None:
        f = infer_config(part(state, FIRST)).downsampling_factor
        if self.image_size < f or self.image_size % f:
            raise ValueError(f"image_size is {self.image_size}; it must be a multiple of f = {f}")
        side = self.image_size // f
        found = load_net2net(
            state,
            num_heads=self.num_heads,
            grid=(side, side),
            num_classes=self.num_classes,
            prefix_attention=self.prefix_attention,
        )
        meaning, second = meaning_of(found), found.condition_stage
        with written_whole(self.out) as folder:
            save_model(found.prior, folder, record=self._record)
            save_model(found.first_stage, folder / "codec")
            if second is not None:
                save_model(second, folder / "condition_codec")
            name = None if second is None else "condition_codec"
            write_pipeline(folder, meaning, "codec", name)
        config = found.prior.config
        print(
            f"{self.out}: {config.num_layers} layers of width {config.width}, {config.num_heads} "
            f"heads, which draw from {'nothing' if meaning == 'none' else meaning}"
        )
        print(f"f = {f}, {config.num_codes} codes, {side}×{side} tokens")

    @property
    def _record(self) -> dict[str, str]:
        return {"converted_from": self.checkpoint.name}


def meaning_of(found: Net2Net) -> Meaning:
    """What a released transformer draws from; of pictures, only depth was released."""
    if found.condition_stage is not None:
        return "segmentation" if isinstance(found.condition_stage, LabelMapVQVAE) else "depth"
    return "class" if isinstance(found.prior.config.condition, ClassCondition) else "none"
