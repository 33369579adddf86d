"""Train the small pretrained models again: `python -m vqlib.course.make_weights [JOB …]`.

Each model folder gets a `record.json`: command, seed, machine, seconds and measurements, so that
every number the lessons quote can be traced and repeated. Without a job, all are done in order.
"""

import argparse
from functools import partial
from pathlib import Path

from vqlib.course.pretrained import WEIGHTS
from vqlib.course.training import digits, faces, features, photos, priors, scenes

# In this order: the codecs of pictures are trained and measured with the offline networks, and
# the priors are trained on the tokens of the codecs.
JOBS = {
    "digits": digits.make,
    "features": features.make,
    "photos": photos.make,
    "scenes": scenes.make,
    "faces": faces.make,
    **{name: partial(priors.make_one, name) for name in priors.PRIORS},
}


def main() -> None:
    """Parse the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"of {', '.join(JOBS)}")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder of the model folders")
    parser.add_argument("--device", help="such as cpu or cuda:0; by default the best there is")
    arguments = parser.parse_args()
    unknown = set(arguments.jobs) - set(JOBS)
    if unknown:
        parser.error(f"unknown job {', '.join(sorted(unknown))}; there are {', '.join(JOBS)}")
    for job in arguments.jobs or JOBS:
        JOBS[job](arguments.out, arguments.device)


if __name__ == "__main__":
    main()
