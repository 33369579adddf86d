"""Model folders, run folders and pipelines: read and written, never trained."""

from vqlib.saved.model import load_model, save_model

__all__ = ["load_model", "save_model"]
