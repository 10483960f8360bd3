"""hallucinate: frames in, hallucinations out, live."""

import os

__version__ = "0.1.0"

# OpenMP's threads spin while they wait for each other, and a camera, encoders and a browser want those cores: with
# every core busy a step took five times as long, and now and then seconds. Read when torch loads its OpenMP, so
# it is set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
