"""`python -m vqlib train prior`: stage 2, on the tokens of a trained codec."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vqlib.cli.batch import fitting_batch
from vqlib.cli.closing import closing_line
from vqlib.cli.messages import name_classes, name_left_out, name_parts_of, name_unread
from vqlib.cli.opening import about_pictures, about_prior, about_run, opening
from vqlib.cli.targets import check_folder
from vqlib.generate.gpt import GPTConfig
from vqlib.generate.order import Order, OrderName
from vqlib.generate.pixelcnn import GatedPixelCNNConfig, PixelCNNConfig
from vqlib.generate.pixelsnail import PixelSNAILConfig
from vqlib.generate.prior import PriorConfig
from vqlib.tokens.conditions import from_pictures
from vqlib.tokens.folder import open_token_folder
from vqlib.tokens.material import Material
from vqlib.tokens.source import PriorSource
from vqlib.train.prior import PriorRecipe, Watch, train_prior, validation_nll
from vqlib.train.runtime import find_device


@dataclass(frozen=True)
class TrainPrior:
    """Stage 2: train a prior on the tokens of a trained codec.

    The run folder also gets the codecs: sample, paint and extend take it as --prior.
    """

    out: Path
    """Run folder for log, checkpoints and sample pictures."""
    source: PriorSource = field(default_factory=PriorSource)
    """Which pictures, and what they are drawn from."""
    tokens: Path | None = None
    """Train from this folder, which tokenize has written, instead: in place of --data, --codec,
    --condition and all that belongs to these."""
    model: Literal["gpt", "pixelcnn", "gated_pixelcnn", "pixelsnail"] = "gpt"
    """Kind of prior."""
    window: tuple[int, int] | None = None
    """Rows and columns of tokens that the prior sees at once; by default the codec's grid. Of
    larger pictures each step sees a window anywhere."""
    num_layers: int = 4
    """Transformer blocks, layers of a PixelCNN, or blocks of a PixelSNAIL."""
    num_heads: int = 4
    """Attention heads; a PixelCNN has none."""
    width: int = 64
    """Dimension of the embeddings; channels of convolutions."""
    dropout: float = 0.1
    """Dropout probability."""
    order: OrderName = "raster"
    """In which order a gpt writes the tokens; a window slides over raster alone."""
    prefix_attention: Literal["causal", "full"] = "causal"
    """full: in a gpt all ids of the condition see each other."""
    workers: int = 0
    """Processes that read and crop pictures; 0 does it between the steps."""
    recipe: PriorRecipe = field(default_factory=PriorRecipe)
    """How to train. With --condition-dropout above 0, sample can be told --guidance."""
    resume: bool = False
    """Go on from the latest checkpoint in --out."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def run(self) -> int:
        """Train; the exit status is 130 if interrupted."""
        if self.workers < 0:
            raise ValueError(f"workers is {self.workers}; it must be 0 or more")
        check_folder(self.out)
        material = self.material()
        pictures = getattr(material.train, "images", material.train)
        if self.tokens is None:
            name_parts_of(self.source, material.kind)
            name_classes(material.classes)
            name_left_out(pictures)
            name_unread(pictures)
        config, watch = self.config(material), self.watch(material)
        recipe = fitting_batch(self.recipe, len(material.train))
        if recipe.sample_every is not None:
            material.check_preview(config)
        material.check_run(self.out, resume=self.resume)
        opening(
            [
                about_pictures(pictures, material.held_out),
                about_prior(config, material.kind),
                *about_run(recipe, find_device(self.device), self.out),
            ]
        )
        self.out.mkdir(parents=True, exist_ok=True)
        material.prepare_run(self.out)
        options = {"folder": self.out, "resume": self.resume, "device": self.device}
        trained = train_prior(material.train, config, recipe, watch, **options)
        if trained.steps_done < recipe.steps and not trained.stopped_early:
            return closing_line(trained, recipe.steps, self.out)
        if isinstance(material.held_out, str):
            print(f"nothing measured: {material.held_out}")
        else:
            nll = validation_nll(trained.model, material.held_out)
            print(
                f"held-out negative log-likelihood {nll:.3f} nats = {nll / math.log(2):.3f} bits "
                f"per token, {len(material.held_out)} pictures"
            )
        return closing_line(trained, recipe.steps, self.out)

    def material(self) -> Material:
        """What to train with."""
        device = find_device(self.device)
        if self.tokens is not None:
            if self.source != PriorSource():
                raise ValueError(
                    "tokens are there already, with codecs and conditions: leave --data, --codec, "
                    "--condition and what belongs to them out"
                )
            return open_token_folder(self.tokens, self.window, device=device)
        task = self.source.task(device, window=self.window)
        return from_pictures(task, workers=self.workers)

    def config(self, material: Material) -> PriorConfig:
        """The shape of the model; it can be guided if and only if it drops conditions."""
        if self.model != "gpt":
            for name, default in (("order", "raster"), ("prefix_attention", "causal")):
                if getattr(self, name) != default:
                    raise ValueError(f"{name} is {getattr(self, name)}; only a gpt has a choice")
        known = {
            "num_codes": material.codec.config.num_codes,
            "grid": material.window,
            "condition": material.condition,
            "guidance": self.recipe.condition_dropout > 0,
            "dropout": self.dropout,
        }
        layers, heads = {"num_layers": self.num_layers}, {"num_heads": self.num_heads}
        channels = {"hidden_channels": self.width}
        match self.model:
            case "pixelcnn":
                return PixelCNNConfig(**known, **layers, **channels)
            case "gated_pixelcnn":
                return GatedPixelCNNConfig(**known, **layers, **channels)
            case "pixelsnail":
                return PixelSNAILConfig(**known, num_blocks=self.num_layers, **heads, **channels)
        return GPTConfig(
            **known,
            **layers,
            **heads,
            width=self.width,
            order=Order(self.order),
            prefix_attention=self.prefix_attention,
        )

    def watch(self, material: Material) -> Watch:
        """What is looked at meanwhile."""
        if isinstance(material.held_out, str):
            if self.recipe.validate_every is not None:
                raise ValueError(f"validate_every needs pictures, but {material.held_out}")
            return Watch()
        return Watch(material.held_out, material.preview())
