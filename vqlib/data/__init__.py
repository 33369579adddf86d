"""Images in: float32 (N, C, H, W) in [-1, 1]."""

from vqlib.data.digits import LabelledImages, digits
from vqlib.data.faces import faces
from vqlib.data.folder import FolderImages
from vqlib.data.glyphs import Glyphs
from vqlib.data.images import Crops, Images, TensorImages, stack
from vqlib.data.photos import motorcycle, photos, photos_and_textures, textures

__all__ = [
    "Crops",
    "FolderImages",
    "Glyphs",
    "Images",
    "LabelledImages",
    "TensorImages",
    "digits",
    "faces",
    "motorcycle",
    "photos",
    "photos_and_textures",
    "stack",
    "textures",
]
