"""A Fréchet distance and how it was measured, in one value.

Such a distance means something only beside another one that was measured in the same way. The way
is therefore a part of the result: results of different protocols refuse to be compared.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

# Only results from this extractor are called FID (Heusel et al. 2017).
FID_EXTRACTOR = "Inception-v3 (FID, 2048)"


@dataclass(frozen=True)
class FrechetProtocol:
    """How a Fréchet distance was measured: everything it depends on but the images measured."""

    extractor: str
    """Name of the network."""
    extractor_digest: str
    """SHA-256 of its weights."""
    feature_dim: int
    """F, the number of features."""
    image_size: tuple[int, int]
    """Height and width of what the network saw, after the resize."""
    resize: str
    """How images got to that size."""
    reference: str
    """Name of the reference set."""
    reference_digest: str
    """SHA-256 of the reference images, rounded to 8 bits, in any order."""
    num_reference: int
    """Number of reference images."""
    num_generated: int
    """Number of images measured. Fewer images give a larger distance, so it must be the same."""


@dataclass(frozen=True)
class FrechetResult:
    """A distance together with the protocol that gives it its meaning."""

    distance: float
    """The squared Fréchet distance, ≥ 0; lower is closer to the reference."""
    protocol: FrechetProtocol
    """How it was measured."""

    @property
    def name(self) -> str:
        """What this number may be called: "FID", or "Fréchet distance (…)" with the network."""
        network = self.protocol.extractor
        return "FID" if network == FID_EXTRACTOR else f"Fréchet distance ({network})"

    def difference(self, other: "FrechetResult") -> float:
        """How much larger this distance is; raises `ValueError` if the protocols differ."""
        mine, theirs = asdict(self.protocol), asdict(other.protocol)
        differing = [
            f"{key}: {mine[key]!r} and {theirs[key]!r}" for key in mine if mine[key] != theirs[key]
        ]
        if differing:
            raise ValueError(
                "these distances were measured in different ways and cannot be compared; "
                f"they differ in {'; '.join(differing)}: measure both in the same way"
            )
        return self.distance - other.distance

    def __lt__(self, other: "FrechetResult") -> bool:
        """Closer to the reference? Raises `ValueError` if the protocols differ."""
        return self.difference(other) < 0

    def __str__(self) -> str:
        """Name, number, and how many images were compared with what."""
        p = self.protocol
        return (
            f"{self.name} {self.distance:.4g} "
            f"({p.num_generated:,} images against {p.num_reference:,} of {p.reference})"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        protocol = asdict(self.protocol)
        return {
            "name": self.name,
            "distance": self.distance,
            "protocol": protocol | {"image_size": list(self.protocol.image_size)},
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "FrechetResult":
        """The result `to_json` described; raises `ValueError` if something is missing or extra."""
        try:
            protocol = dict(values["protocol"])
            size = tuple(protocol.pop("image_size"))  # JSON has no tuples
            protocol = FrechetProtocol(image_size=size, **protocol)
            return cls(float(values["distance"]), protocol)
        except (KeyError, TypeError, ValueError) as error:
            names = ", ".join(field.name for field in fields(FrechetProtocol))
            raise ValueError(
                f"not a Fréchet result ({error}); expected a distance and a protocol of {names}"
            ) from error
