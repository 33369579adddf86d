"""How the pretrained models of the course are trained: one file per set of models."""

from vqlib.course.training import digits, faces, features, photos, priors, scenes
from vqlib.course.training.job import Job

# In this order: the codecs of pictures are trained and measured with the offline networks, and
# the priors are trained on the tokens of the codecs.
JOBS: dict[str, Job] = {
    **features.JOBS,
    **photos.JOBS,
    **scenes.JOBS,
    **faces.JOBS,
    **digits.JOBS,
    **priors.JOBS,
}
